//! The book: the pages of `docs/` as they stand there, a module for each.

/// The links between pages, as rustdoc has them: of several definitions the first counts, and so each page begins with
/// these.
macro_rules! links {
    () => {
        "\
[admin.md]: crate::book::admin
[admin.md#scopes-one-verdict-for-each-test]: crate::book::admin#scopes-one-verdict-for-each-test
[admin.md#who-may-call]: crate::book::admin#who-may-call
[beside-a-program.md]: crate::book::beside_a_program
[command-line.md#elastimock-verify]: crate::book::command_line#elastimock-verify
[findings.md]: crate::book::findings
[fixtures.md]: crate::book::fixtures
[javascript.md]: crate::book::javascript
[limits.md]: crate::book::limits
[page.md]: crate::book::page
[python.md]: crate::book::python
[reports.md]: crate::book::reports
[reports.md#findings-at-the-line-of-the-test-or-the-client]: crate::book::reports#findings-at-the-line-of-the-test-or-the-client
[rust.md]: crate::book::rust
[secrets.md]: crate::book::secrets
[simulation.md]: crate::book::simulation
[speed.md]: crate::book::speed
[stubs.md]: crate::book::stubs
[tls.md]: crate::book::tls
[upstream.md]: crate::book::upstream
[watching.md#metrics]: crate::book::watching#metrics
"
    };
}

macro_rules! pages {
    ($($name:ident $file:literal)*) => {
        $(
            #[doc = links!()]
            #[doc = include_str!(concat!("../docs/", $file, ".md"))]
            pub mod $name {}
        )*
    };
}

pages! {
    tutorial "tutorial"
    rust "rust"
    python "python"
    javascript "javascript"
    beside_a_program "beside-a-program"
    recordings "recordings"
    upstream "upstream"
    connector_service "connector-service"
    fixtures "fixtures"
    stubs "stubs"
    simulation "simulation"
    findings "findings"
    rules "rules"
    reports "reports"
    page "page"
    watching "watching"
    coverage "coverage"
    tls "tls"
    secrets "secrets"
    command_line "command-line"
    exit_codes "exit-codes"
    admin "admin"
    operations "operations"
    differences "differences"
    limits "limits"
    speed "speed"
}
