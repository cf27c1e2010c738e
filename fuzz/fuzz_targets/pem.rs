//! Certificates and keys in PEM, whatever a file says: they are taken, or refused with the name of the file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use elastimock::MockServer;
use elastimock::server::Upstream;
use elastimock::tls::Tls;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("elastimock-fuzz-{}.pem", std::process::id())));

fuzz_target!(|text: &[u8]| {
    std::fs::write(&*FILE, text).expect("a file");
    let own = MockServer::builder().tls(Tls::files(&*FILE, &*FILE));
    let upstream = Upstream::new("https://127.0.0.1:9").expect("an address").ca(&*FILE);
    for builder in [own, MockServer::builder().upstream(upstream)] {
        if let Err(error) = builder.start_blocking() {
            let told = error.to_string();
            assert!(told.contains("elastimock-fuzz-") || error.is_invalid_input(), "{told}");
        }
    }
});
