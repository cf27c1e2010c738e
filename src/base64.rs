//! Base64 with the standard alphabet and padding.

use data_encoding::{BASE64, BASE64_MIME_PERMISSIVE};

/// The text for some bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The bytes that a text stands for; none if it is no base64 or lacks its padding. Bits that stand for nothing are not
/// looked at, as in Java.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    // The crate reads several texts in one, and lines.
    if text.trim_end_matches('=').contains(['=', '\r', '\n']) {
        return None;
    }
    BASE64_MIME_PERMISSIVE.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_the_standard_one() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(decode("Zh==").as_deref(), Some(&b"f"[..]));
        for wrong in ["Zg", "Zg=", "Z===", "Z", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm-_"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn it_comes_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
