//! What the page holds: the state after each call, no markup of a client's, a script that its policy allows.

use super::*;

#[test]
fn the_script_is_one_module_and_the_policy_knows_it() {
    let script = &*SCRIPT;
    assert!(!script.contains("\nimport ") && !script.contains("\nexport "));
    // Nothing in it reads a text as markup or as code, or ends the element that it stands in.
    for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "</script"] {
        assert!(!script.contains(way), "{way}");
    }
    assert!(!STYLE.contains("</style") && !STYLE.contains("url("));
    assert!(policy().contains("default-src 'none'") && !policy().contains("unsafe"));
}
