//! What simulated sides say of themselves, and when their beats are.

use super::Simulated;

#[test]
fn sides_are_read_as_they_are_written() {
    for text in [
        "service",
        "service:slow",
        "service:silent",
        "service:dies",
        "service:fails",
        "service:deaf",
        "user",
        "schedules",
    ] {
        let side: Simulated = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(side.to_string(), text);
    }
    assert_eq!("service:well".parse::<Simulated>().map(|side| side.to_string()).ok().as_deref(), Some("service"));
    for (text, told) in [
        ("servise", "did you mean service?"),
        ("service:slowe", "did you mean slow?"),
        ("service:", "it is one of slow, silent, dies, fails, deaf"),
        ("user:slow", "only a service has a character: write user alone"),
        ("", "write service, service:CHARACTER, user or schedules"),
    ] {
        let error = text.parse::<Simulated>().expect_err(text).to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}
