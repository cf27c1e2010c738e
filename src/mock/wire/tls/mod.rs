//! TLS in front of a server: what it shows its clients, and what they need in order to trust it.
//!
//! A server without a certificate of its own gets one from a certificate authority (CA) that is made once for the
//! process and lives in its memory alone: no key is ever written anywhere. Nothing below the wire knows of TLS.

#[cfg(feature = "cli")]
pub(crate) mod client;
pub(crate) mod handshake;
mod pem;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use crate::error::Error;

/// How a server speaks TLS: with a certificate that is made for it, or with one of yours.
///
/// ```
/// use elastimock::tls::Tls;
/// use elastimock::MockServer;
///
/// let server = MockServer::builder().tls(Tls::self_signed()).start_blocking()?;
/// assert!(server.url().starts_with("https://"));
///
/// // What a client is given: the certificate of the authority, or its fingerprint.
/// let tls = server.tls().expect("the server speaks TLS");
/// assert!(tls.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// assert_eq!(tls.ca_fingerprint().len(), 95);
/// # Ok::<(), elastimock::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `MockServerBuilder::tls`"]
pub struct Tls {
    /// The certificate and its key; none are made for the server.
    files: Option<(PathBuf, PathBuf)>,
    /// Whether clients must show a certificate.
    wants_clients: bool,
    /// Whose client certificates are taken besides those that this process makes.
    client_cas: Vec<PathBuf>,
}

impl Tls {
    /// A certificate that the process's own authority signs, for `localhost`, `127.0.0.1`, `::1`, the address that is
    /// listened on, and the hosts of [`MockServerBuilder::allow_host`](crate::MockServerBuilder::allow_host). All servers of a process have
    /// the same authority; its key stays in memory.
    pub fn self_signed() -> Tls {
        Tls { files: None, wants_clients: false, client_cas: Vec::new() }
    }

    /// A certificate and its key from two PEM files, which are read when the server starts. The certificate may be
    /// followed by those that have signed it; the last of them is told to clients as the authority.
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Tls {
        Tls { files: Some((certificate.into(), key.into())), ..Tls::self_signed() }
    }

    /// Takes only clients that show a certificate (mutual TLS): one that [`ServerTls::client`] has made, or one of an
    /// authority that was named by [`Tls::client_ca`].
    pub fn require_clients(mut self) -> Tls {
        self.wants_clients = true;
        self
    }

    /// Takes only clients that show a certificate, and takes those that an authority in this PEM file has signed. Called
    /// again, those of any of them.
    pub fn client_ca(mut self, file: impl Into<PathBuf>) -> Tls {
        self.client_cas.push(file.into());
        self.require_clients()
    }

    /// What a server needs to answer at an address, where it is also known by some names.
    pub(crate) fn front(&self, address: SocketAddr, names: &[String]) -> Result<(Arc<ServerConfig>, ServerTls), Error> {
        let (chain, key) = match &self.files {
            Some((certificate, key)) => (pem::certificates(certificate)?, pem::key(key)?),
            None => authority()?.server(address, names)?,
        };
        let last = chain.last().expect("a chain has a certificate").clone();
        let told = ServerTls { is_own: self.files.is_none(), ca_pem: pem::written(&last), fingerprint: sha256(&last) };
        let cannot = |error: rustls::Error| {
            let whose = self.files.as_ref().map_or_else(String::new, |(certificate, key)| {
                format!(" with {} and {}", certificate.display(), key.display())
            });
            Error::invalid_input(format!("cannot speak TLS{whose}: {error}"))
        };
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(cannot)?;
        let builder = if self.wants_clients {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority()?.certificate.clone()).map_err(cannot)?;
            for file in &self.client_cas {
                pem::add_to(&mut roots, file)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder
                .with_client_cert_verifier(verifier.map_err(|error| cannot(rustls::Error::General(error.to_string())))?)
        } else {
            builder.with_no_client_auth()
        };
        Ok((Arc::new(builder.with_single_cert(chain, key).map_err(cannot)?), told))
    }
}

impl FromStr for Tls {
    type Err = Error;

    /// Reads `self-signed`, or the paths of a certificate and its key with a comma between.
    fn from_str(text: &str) -> Result<Tls, Error> {
        match text.split_once(',') {
            None if text == "self-signed" => Ok(Tls::self_signed()),
            Some((certificate, key)) if !certificate.is_empty() && !key.is_empty() && !key.contains(',') => {
                Ok(Tls::files(certificate, key))
            }
            _ => Err(Error::invalid_input(format!(
                "`{text}` says nothing of TLS: write self-signed, or two PEM files as CERT,KEY"
            ))),
        }
    }
}

/// What clients need in order to trust a server that speaks TLS; [`MockServer::tls`](crate::MockServer::tls) gives it.
#[derive(Clone, Debug)]
pub struct ServerTls {
    is_own: bool,
    ca_pem: String,
    fingerprint: [u8; 32],
}

impl ServerTls {
    /// The certificate of the authority as PEM: `ca_certs` and `tls.ca` of clients, `--cacert` of curl.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The SHA-256 fingerprint of the authority's certificate as `openssl` writes it, `AB:CD:…`: `ssl_assert_fingerprint`
    /// and `caFingerprint` of Elastic's clients.
    pub fn ca_fingerprint(&self) -> String {
        self.fingerprint.map(|byte| format!("{byte:02X}")).join(":")
    }

    /// The fingerprint as Elasticsearch writes it when it starts for the first time: `abcd…`.
    pub fn ca_fingerprint_hex(&self) -> String {
        self.fingerprint.map(|byte| format!("{byte:02x}")).concat()
    }

    /// A certificate for a client, with its key, for a server that wants one. It is signed by the process's own
    /// authority and stands nowhere but in what is returned.
    ///
    /// ```
    /// # use elastimock::tls::Tls;
    /// # use elastimock::MockServer;
    /// let server = MockServer::builder().tls(Tls::self_signed().require_clients()).start_blocking()?;
    /// let worker = server.tls().expect("the server speaks TLS").client("worker-1")?;
    /// assert!(worker.key_pem().contains("PRIVATE KEY"));
    /// # Ok::<(), elastimock::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_surroundings`] if the system has no random numbers.
    pub fn client(&self, name: &str) -> Result<ClientIdentity, Error> {
        authority()?.client(name)
    }

    /// Whether the server's certificate was made for it.
    pub fn is_self_signed(&self) -> bool {
        self.is_own
    }
}

/// A client's certificate and its key, as PEM.
#[derive(Clone)]
pub struct ClientIdentity {
    certificate_pem: String,
    key_pem: String,
}

impl ClientIdentity {
    /// The certificate.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The key, in the form PKCS #8.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity { key_pem: \"<redacted>\", .. }")
    }
}

/// Signs the certificates of this process.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// The one of this process, made when it is first needed.
fn authority() -> Result<&'static Authority, Error> {
    static AUTHORITY: OnceCell<Authority> = OnceCell::new();
    AUTHORITY.get_or_try_init(|| {
        let mut params = params("elastimock certificate authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(cannot_make)?;
        let certificate = params.self_signed(&key).map_err(cannot_make)?.der().clone();
        Ok(Authority { issuer: Issuer::new(params, key), certificate })
    })
}

impl Authority {
    /// A server's certificate, the authority's behind it, and the key.
    fn server(
        &self,
        address: SocketAddr,
        names: &[String],
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        let mut hosts: Vec<String> = vec!["localhost".to_owned()];
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let bound = Some(address.ip()).filter(|ip| !ip.is_unspecified() && !loopback.contains(ip));
        hosts.extend(loopback.into_iter().chain(bound).map(|ip| ip.to_string()));
        // A lone star allows every host, and is the name of none.
        hosts.extend(names.iter().filter(|name| *name != "*").cloned());
        let mut params = params("elastimock");
        params.subject_alt_names = CertificateParams::new(hosts).map_err(cannot_make)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (certificate, key) = self.sign(params)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // Fingerprints are compared with all that the server shows, so it shows its authority too.
        Ok((vec![certificate, self.certificate.clone()], key))
    }

    fn client(&self, name: &str) -> Result<ClientIdentity, Error> {
        let mut params = params(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (certificate, key) = self.sign(params)?;
        Ok(ClientIdentity { certificate_pem: pem::written(&certificate), key_pem: key.serialize_pem() })
    }

    fn sign(&self, mut params: CertificateParams) -> Result<(CertificateDer<'static>, KeyPair), Error> {
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(cannot_make)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(cannot_make)?;
        Ok((certificate.der().clone(), key))
    }
}

/// A certificate for a name. It holds for a hundred years, so that no clock is asked and that a client whose own is
/// turned forward or back takes it too.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

fn cannot_make(error: rcgen::Error) -> Error {
    Error::surroundings("cannot make a certificate", std::io::Error::other(error.to_string()))
}

/// What does the arithmetic.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The fingerprint of a certificate.
fn sha256(certificate: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
