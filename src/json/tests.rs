//! The reference's tables row by row, and what must hold for every text.
//!
//! Source: `reference/http-layer.md`, section 5; rows marked "run" were added from runs of jackson-core.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::limits::{JSON_DEPTH_MAX, JSON_NUMBER_DIGITS_MAX};

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// A text, line and column of its error, and the words.
fn malformed() -> Vec<(&'static [u8], u32, u32, String)> {
    let in_number = "in numeric value";
    let name = "was expecting double-quote to start field name";
    let rows: Vec<(&[u8], u32, String)> = vec![
        (br#"{"a":}"#, 7, "Unexpected character ('}' (code 125)): expected a value".into()),
        (b"{a:1}", 3, format!("Unexpected character ('a' (code 97)): {name}")),
        (b"{'a':1}", 3, format!("Unexpected character (''' (code 39)): {name}")),
        (br#"{"a":1,}"#, 9, format!("Unexpected character ('}}' (code 125)): {name}")),
        (
            br#"{"a" 1}"#,
            7,
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value".into(),
        ),
        (
            br#"{"a":1 "b":2}"#,
            9,
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries".into(),
        ),
        (b"[1 2]", 5, "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries".into()),
        (b"[1,2,]", 7, "Unexpected character (']' (code 93)): expected a value".into()),
        (br#"{"a":tru}"#, 10, format!("Unrecognized token 'tru': was expecting {VALUES}")),
        (b"nope", 5, format!("Unrecognized token 'nope': was expecting {VALUES}")),
        (
            br#"{"a":NaN}"#,
            9,
            "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow".into(),
        ),
        (br#"{"a":01}"#, 7, "Invalid numeric value: Leading zeroes not allowed".into()),
        (
            br#"{"a":+1}"#,
            8,
            format!(
                "Unexpected character ('+' (code 43)) {in_number}: JSON spec does not allow numbers to have plus \
                 signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow"
            ),
        ),
        (br#"{"a":.5}"#, 7, format!("Unexpected character ('.' (code 46)): expected a valid value {VALUES}")),
        (
            br#"{"a":1.}"#,
            9,
            format!("Unexpected character ('}}' (code 125)) {in_number}: Decimal point not followed by a digit"),
        ),
        (
            br#"{"a":1e}"#,
            9,
            format!("Unexpected character ('}}' (code 125)) {in_number}: Exponent indicator not followed by a digit"),
        ),
        (
            b"{\"a\":\"\t\"}",
            8,
            "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to be included in \
             string value"
                .into(),
        ),
        (br#"{"a":"\x"}"#, 9, "Unrecognized character escape 'x' (code 120)".into()),
        (
            br#"{"a":"\u12G4"}"#,
            12,
            "Unexpected character ('G' (code 71)): expected a hex-digit for character escape sequence".into(),
        ),
        (
            b"}",
            2,
            "Unexpected close marker '}': expected ']' (for root starting at [Source: (byte[])\"}\"; line: 1, \
             column: 0])"
                .into(),
        ),
        (br#"{"a":1,"a":2}"#, 11, "Duplicate field 'a'".into()),
        (br#"{"b":{"a":1,"a":2}}"#, 16, "Duplicate field 'a'".into()),
        (b"# c\n{}", 2, format!("Unexpected character ('#' (code 35)): expected a valid value {VALUES}")),
        (b"{\"a\":\"\xC3\x28\"}", 9, "Invalid UTF-8 middle byte 0x28".into()),
        (b"{\"a\":\"\xFF\"}", 8, "Invalid UTF-8 start byte 0xff".into()),
        (
            b"\0",
            2,
            r"Illegal character ((CTRL-CHAR, code 0)): only regular white space (\r, \n, \t) is allowed between tokens"
                .into(),
        ),
        // Not of the end-of-input kind, though the text ends.
        (br#"{"a":1,"#, 8, "Unexpected end-of-input within/between Object entries".into()),
        // From here on: run.
        (b"]", 2, "Unexpected close marker ']': expected '}' (for root starting at [Source: (byte[])\"]\"; line: 1, column: 0])".into()),
        (br#"{"a":]"#, 7, format!("Unexpected character (']' (code 93)): expected a valid value {VALUES}")),
        (b"1x", 3, "Unexpected character ('x' (code 120)): Expected space separating root-level values".into()),
        (b"1.", 3, format!("Unexpected character ('.' (code 46)) {in_number}: Decimal point not followed by a digit")),
        (b"[-x]", 4, format!("Unexpected character ('x' (code 120)) {in_number}: expected digit (0-9) to follow minus sign, for valid numeric value")),
        (b"[-INF]", 6, "Non-standard token '-INF': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow".into()),
        (b"/x", 3, "Unexpected character ('x' (code 120)): was expecting either '*' or '/' for a comment".into()),
        (b"{\"abc\xC3(\":1}", 9, "Invalid UTF-8 middle byte 0x28".into()),
        (b"{\"ab\xC3(\":1}", 8, "Invalid UTF-8 middle byte 0x6162c328".into()),
        (b"[true\xC3\xA9]", 7, "Invalid UTF-8 middle byte 0xc3".into()),
        ("[\"\\é\"]".as_bytes(), 6, "Unrecognized character escape 'é' (code 233)".into()),
        (b"[\"a\n\"]", 5, "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value".into()),
    ];
    rows.into_iter().map(|(text, column, words)| (text, 1, column, words)).collect()
}

#[test]
fn a_malformed_text_gets_jacksons_words_and_place() {
    for (text, line, column, words) in malformed() {
        let error = read(text).unwrap_err();
        let shown = text.escape_ascii();
        assert_eq!(error.message(), words, "{shown}");
        assert_eq!((error.position().line, error.position().column), (line, column), "{shown}");
        assert!(!error.is_end_of_input() && !error.is_constraint(), "{shown}");
        assert!(error.location().ends_with(&format!("; line: {line}, column: {column}]")), "{shown}");
    }
}

#[test]
fn a_cut_text_is_of_the_end_of_input_kind() {
    let open = |scope: &str, text: &str| {
        format!(
            ": expected close marker for {scope} (start marker at [Source: (byte[])\"{text}\"; line: 1, column: 1])"
        )
    };
    let between = || " within/between Object entries".to_owned();
    let rows = [
        ("{", open("Object", "{")),
        ("[1", open("Array", "[1")),
        (r#"{"a":1"#, open("Object", r#"{"a":1"#)),
        (r#"{"a""#, between()),
        (r#"{"a":"#, between()),
        (r#"{"a":"b"#, " in VALUE_STRING".to_owned()),
        (r#"["b"#, " in VALUE_STRING".to_owned()),
        // From here on: run.
        (r#"{""#, ": was expecting closing '\"' for name".to_owned()),
        (r#"{"a"#, " in field name".to_owned()),
        (r#"["\u00"#, " in character escape sequence".to_owned()),
        ("[1 /* ", " in a comment".to_owned()),
        (r#"{"a":-"#, " in FIELD_NAME".to_owned()),
        ("[1.5,-", " in VALUE_NUMBER_FLOAT".to_owned()),
        ("-", " in null".to_owned()),
        ("+", " in a Number value".to_owned()),
    ];
    for (text, rest) in rows {
        let error = read(text.as_bytes()).unwrap_err();
        assert_eq!(error.message(), format!("Unexpected end-of-input{rest}"), "{text}");
        assert!(error.is_end_of_input(), "{text}");
        let column = u32::try_from(text.len()).unwrap() + 1;
        assert_eq!(error.position(), Position { line: 1, column, offset: text.len() }, "{text}");
    }
}

#[test]
fn what_elasticsearch_lets_pass_passes() {
    let rows: [(&[u8], Value); 12] = [
        (b"/* a */ {// b\n\"a\": /**/ 1}", json!({ "a": 1 })),
        (b"\xEF\xBB\xBF[1]", json!([1])),
        (b"[-0]", json!([0])),
        (b"[\"\\ud800\", \"\\ude00\\ud83d\"]", json!(["\u{FFFD}", "\u{FFFD}\u{FFFD}"])),
        (b"[\"\\ud83d\\ude00\"]", json!(["😀"])),
        (b"[\"\xED\xA0\xBD\xED\xB8\x80\xC0\x80\"]", json!(["😀\0"])),
        (b"[9223372036854775808]", json!([9_223_372_036_854_775_808_u64])),
        (b"[18446744073709551615]", json!([u64::MAX])),
        (b"[-9223372036854775808]", json!([i64::MIN])),
        (b"[18446744073709551616]", json!([18_446_744_073_709_551_616.0])),
        (b"[1e400, -1e400]", json!([f64::MAX, f64::MIN])),
        (b"{} x", json!({})),
    ];
    for (text, value) in rows {
        assert_eq!(read(text).unwrap(), Some(value), "{}", text.escape_ascii());
    }
    let mut tokens = Tokens::new(b"\xEF\xBB\xBF[1]");
    tokens.next().unwrap();
    assert_eq!(tokens.position().column, 4, "the mark of UTF-8 is counted");
    let long = "k".repeat(60_000);
    assert_eq!(read(json!({ &long: 1 }).to_string().as_bytes()).unwrap(), Some(json!({ &long: 1 })));
}

#[test]
fn limits_are_reached_and_not_passed() {
    let nested = |open: &str, inner: &str, close: &str, depth| {
        [open.repeat(depth), inner.to_owned(), close.repeat(depth)].concat()
    };
    let one = "1".repeat(JSON_NUMBER_DIGITS_MAX);
    let fine = [
        nested("[", "", "]", JSON_DEPTH_MAX),
        nested("{\"a\":", "1", "}", JSON_DEPTH_MAX),
        format!("[-{one}]"),
        // Neither sign nor point nor `e` counts. The reference says they do; the run says they do not.
        format!("[-{}.5e+1]", "1".repeat(JSON_NUMBER_DIGITS_MAX - 2)),
    ];
    for text in fine {
        assert!(read(text.as_bytes()).is_ok(), "{}", text.len());
        let mut tokens = Tokens::new(text.as_bytes());
        while tokens.next().unwrap().is_some() {}
    }
    let depth = "Depth (1001) exceeds the maximum allowed nesting depth (1000)";
    let number = "Number length (1001) exceeds the maximum length (1000)";
    let refused = [
        (nested("[", "", "]", JSON_DEPTH_MAX + 1), depth),
        (nested("{\"a\":", "1", "}", JSON_DEPTH_MAX + 1), depth),
        (format!("[{one}1]"), number),
        (format!("[{one}.1]"), number),
        (format!("1.{one}"), number),
    ];
    for (text, words) in refused {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.is_constraint() && !error.is_end_of_input());
        assert_eq!((error.message().as_str(), error.location().as_str()), (words, ""));
    }
}

#[test]
fn a_blank_text_has_no_token_and_a_token_its_place() {
    for blank in ["", " \r\n\t", "// nothing", "/* nothing */\n"] {
        assert_eq!(read(blank.as_bytes()).unwrap(), None);
        let mut tokens = Tokens::new(blank.as_bytes());
        assert_eq!(tokens.next().unwrap(), None);
        assert_eq!(tokens.position(), Position::START);
        assert!(read_file(blank.as_bytes()).unwrap_err().is_end_of_input());
    }
    let text = "{\n  \"worker\": 7,\r\n\"é\":\r[ true ,null]}\n";
    let mut tokens = Tokens::new(text.as_bytes());
    let mut places = Vec::new();
    while let Some(token) = tokens.next().unwrap() {
        let Position { line, column, .. } = tokens.position();
        places.push(format!("{} {line}:{column} {}", token.name(), tokens.text().unwrap()));
    }
    assert_eq!(
        places,
        [
            "START_OBJECT 1:1 {",
            "FIELD_NAME 2:3 worker",
            "VALUE_NUMBER 2:13 7",
            "FIELD_NAME 3:1 é",
            "START_ARRAY 4:1 [",
            "VALUE_BOOLEAN 4:3 true",
            "VALUE_NULL 4:9 null",
            "END_ARRAY 4:13 ]",
            "END_OBJECT 4:14 }",
        ]
    );
}

#[test]
fn a_name_waits_for_the_beginning_of_its_value_and_a_string_to_be_read() {
    let mut tokens = Tokens::new(br#"{"a":tru}"#);
    tokens.next().unwrap();
    assert!(tokens.next().is_err(), "the word is looked at before the name is handed out");

    let mut tokens = Tokens::new(br#"{"a":"\x"}"#);
    for token in [Token::StartObject, Token::FieldName, Token::String] {
        assert_eq!(tokens.next().unwrap(), Some(token));
    }
    assert_eq!(tokens.text().unwrap_err().position().column, 9);
    assert_eq!(tokens.next().unwrap_err().position().column, 9);
}

#[test]
fn an_error_shows_the_beginning_of_the_text() {
    let text = format!("[\"\t{}\n", "x".repeat(600));
    let error = read(text.as_bytes()).unwrap_err();
    let shown = format!("[\"\\u0009{}", "x".repeat(497));
    assert_eq!(error.location(), format!(" at [Source: (byte[])\"{shown}\"[truncated 104 bytes]; line: 1, column: 4]"));
    assert_eq!(
        read(b"[\n[").unwrap_err().to_string(),
        "Unexpected end-of-input: expected close marker for Array (start marker at line 2, column 1), line 2, column 2"
    );
}

#[test]
fn a_pointer_is_found_in_its_text() {
    let text = b"{\"a~/b\": [ {\"x\":1}, {\"x\": 2} ], \"c\": 3}";
    let column = |pointer, key| locate(text, pointer, key).map(|position| position.column);
    assert_eq!((column("", false), column("", true)), (Some(1), Some(1)));
    assert_eq!((column("/a~0~1b", true), column("/a~0~1b", false)), (Some(2), Some(10)));
    assert_eq!((column("/a~0~1b/1", true), column("/a~0~1b/1/x", false)), (Some(21), Some(27)));
    assert_eq!((column("/c", true), column("/c", false)), (Some(33), Some(38)));
    for absent in ["c", "/d", "/a~0~1b/2", "/a~0~1b/x", "/c/0", "/a~0~1b/0/y"] {
        assert_eq!(column(absent, false), None, "{absent}");
    }
}

#[test]
fn values_are_printed_as_elasticsearch_prints_them() {
    let text = "\"\\/<&\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}\u{2028}é😀";
    let printed = "\"\\\"\\\\/<&\\b\\f\\n\\r\\t\\u0001\\u001F\u{7f}\u{2028}é\\uD83D\\uDE00\"";
    assert_eq!(write(&json!(text), false), printed);

    let value = json!({ "a": {}, "b": [], "c": [1, [true], {}], "d": { "e": null } });
    assert_eq!(write(&value, false), r#"{"a":{},"b":[],"c":[1,[true],{}],"d":{"e":null}}"#);
    let lines = [
        "{",
        "  \"a\" : { },",
        "  \"b\" : [ ],",
        "  \"c\" : [",
        "    1,",
        "    [",
        "      true",
        "    ],",
        "    { }",
        "  ],",
        "  \"d\" : {",
        "    \"e\" : null",
        "  }",
        "}",
        "",
    ];
    assert_eq!(write(&value, true), lines.join("\n"));
    assert_eq!(write(&json!([]), true), "[ ]\n");
}

#[test]
fn doubles_are_printed_as_java_prints_them() {
    let rows = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1.5, "-1.5"),
        (100.0, "100.0"),
        (0.1, "0.1"),
        (0.001, "0.001"),
        (0.0012, "0.0012"),
        (0.01, "0.01"),
        (0.000_999_9, "9.999E-4"),
        (0.0001, "1.0E-4"),
        (1e-7, "1.0E-7"),
        (12_345.678, "12345.678"),
        (1_234_567.0, "1234567.0"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (123_456_789.0, "1.23456789E8"),
        (2e23, "2.0E23"),
        (1e23, "1.0E23"),
        (f64::MAX, "1.7976931348623157E308"),
        (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
        (f64::from_bits(1), "4.9E-324"),
        (f64::from_bits(2), "9.9E-324"),
    ];
    for (double, printed) in rows {
        assert_eq!(write(&json!(double), false), printed);
    }
    let mut out = Vec::new();
    write_into(&mut out, &[0.1_f32, 1e10], false).unwrap();
    assert_eq!(out, b"[0.1,1.0E10]");
}

/// The first value as a walk finds it, piece by piece.
fn walk(tokens: &mut Tokens<'_>, token: Token) -> Result<Value, SyntaxError> {
    Ok(match token {
        Token::StartObject => {
            let mut fields = Map::new();
            while let Some(Token::FieldName) = tokens.next()? {
                let name = tokens.text()?.into_owned();
                let token = tokens.next()?.expect("a name has a value");
                fields.insert(name, walk(tokens, token)?);
            }
            Value::Object(fields)
        }
        Token::StartArray => {
            let mut elements = Vec::new();
            loop {
                match tokens.next()?.expect("an array has an end") {
                    Token::EndArray => break Value::Array(elements),
                    token => elements.push(walk(tokens, token)?),
                }
            }
        }
        Token::String => Value::String(tokens.text()?.into_owned()),
        _ => tokens.value()?,
    })
}

fn walk_first(bytes: &[u8]) -> Result<Option<Value>, SyntaxError> {
    let mut tokens = Tokens::new(bytes);
    match tokens.next()? {
        Some(token) => {
            let value = walk(&mut tokens, token)?;
            // What the walk has read but not yet passed over belongs to the value as well.
            tokens.skip()?;
            Ok(Some(value))
        }
        None => Ok(None),
    }
}

fn skip_first(bytes: &[u8]) -> Result<(), SyntaxError> {
    let mut tokens = Tokens::new(bytes);
    tokens.next()?;
    tokens.skip()
}

fn told<T>(result: Result<T, SyntaxError>) -> Result<T, (String, String, Position)> {
    result.map_err(|error| (error.message(), error.location(), error.position()))
}

/// A number prints and reads to within its last digit: serde_json rounds less well than Rust does.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || x == y || (a.is_f64() && b.is_f64() && (x - y).abs() <= x.abs() * 4.0 * f64::EPSILON)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && alike(a, b))
        }
        _ => a == b,
    }
}

/// Whether serde_json, which keeps the last of two fields with one name, has dropped one.
fn has_duplicates(bytes: &[u8]) -> bool {
    read(bytes).is_err_and(|error| error.message().starts_with("Duplicate field"))
}

fn values() -> impl Strategy<Value = Value> {
    let double =
        any::<f64>().prop_filter_map("a number", |double| serde_json::Number::from_f64(double).map(Value::from));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        double,
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((".{0,12}", inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Bytes that look like JSON often enough to get somewhere.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\":", "\"b\":", "\"a\"", "1", "-0.5e3", "true", "null", " ", "\n",
        "\r", "\\n", "\\u00e9", "\\ud83d", "/* c */", "// d\n", "é", "😀", "\u{1}", "x", "NaN", "-", "+",
    ]);
    let pieces = prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat().into_bytes());
    let broken = (values(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(value, index, byte)| {
        let mut bytes = write(&value, byte % 2 == 0).into_bytes();
        let at = index.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![pieces, broken, prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_walking_and_skipping_agree(text in texts()) {
        let read = told(read(&text));
        prop_assert_eq!(&read, &told(walk_first(&text)));
        prop_assert_eq!(read.map(drop), told(skip_first(&text)));
        let _ = read_file(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn whatever_serde_json_reads_is_read_alike(text in texts()) {
        if let Ok(theirs) = serde_json::from_slice::<Value>(&text) && !has_duplicates(&text) {
            let ours = read_file(&text).unwrap();
            prop_assert!(alike(&theirs, &ours), "{theirs} {ours}");
        }
    }

    #[test]
    fn what_is_written_is_read_again(value in values(), pretty: bool) {
        let text = write(&value, pretty);
        prop_assert_eq!(&read_file(text.as_bytes()).unwrap(), &value);
        let theirs: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(alike(&theirs, &value));
    }

    #[test]
    fn every_value_is_where_its_pointer_says(value in values(), pretty: bool) {
        fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
            match value {
                Value::Array(elements) => {
                    for (n, element) in elements.iter().enumerate() {
                        pointers(element, format!("{at}/{n}"), all);
                    }
                }
                Value::Object(fields) => {
                    for (name, field) in fields {
                        pointers(field, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
                    }
                }
                _ => {}
            }
            all.push(at);
        }
        let text = write(&value, pretty);
        let mut all = Vec::new();
        pointers(&value, String::new(), &mut all);
        for pointer in all {
            let position = locate(text.as_bytes(), &pointer, false).unwrap();
            let there = &text.as_bytes()[position.offset..];
            // A value inside another ends at a mark that a number at the root would not tolerate.
            let end = Tokens::new(there).next().is_err();
            prop_assert!(end || read(there).unwrap().as_ref() == value.pointer(&pointer));
            prop_assert!(locate(text.as_bytes(), &pointer, true).unwrap().offset <= position.offset);
        }
    }
}
