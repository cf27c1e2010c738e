//! TLS on the command line: the flags of a server and of a client, and the files that they name.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::CommandError;
use super::{curl, report};
use crate::error::Error;
use crate::mock::server::{MockServer, MockServerBuilder};
use crate::mock::wire::tls::client::{Fingerprint, Trust};
use crate::mock::wire::tls::{ServerTls, Tls};

/// How a server speaks TLS.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerSide {
    /// Speaks TLS: self-signed makes a certificate authority for this process and a certificate of it, also for the
    /// names of --allow-host; or two PEM files, the certificate with what has signed it, and its key
    #[arg(long, help_heading = "TLS", value_name = "self-signed|CERT,KEY", env = "ELASTIMOCK_TLS", hide_env = true)]
    pub tls: Option<Tls>,
    /// Writes the certificate of the authority to this file, for clients to trust
    #[arg(
        long,
        help_heading = "TLS",
        value_name = "FILE",
        requires = "tls",
        env = "ELASTIMOCK_TLS_CA_OUT",
        hide_env = true
    )]
    pub tls_ca_out: Option<PathBuf>,
    /// Takes only clients with a certificate that an authority in this PEM file has signed
    #[arg(
        long,
        help_heading = "TLS",
        value_name = "FILE",
        requires = "tls",
        env = "ELASTIMOCK_TLS_CLIENT_CA",
        hide_env = true
    )]
    pub tls_client_ca: Option<PathBuf>,
    /// Takes only clients with a certificate, and writes one and its key to these files
    #[arg(long, help_heading = "TLS", value_name = "CERT,KEY", requires = "tls", value_parser = pair)]
    #[arg(env = "ELASTIMOCK_TLS_CLIENT_OUT", hide_env = true)]
    pub tls_client_out: Option<(PathBuf, PathBuf)>,
}

impl ServerSide {
    /// The builder, with TLS if it is wanted.
    pub(crate) fn on(&self, builder: MockServerBuilder) -> MockServerBuilder {
        let Some(tls) = self.tls.clone() else { return builder };
        let tls = self.tls_client_ca.iter().fold(tls, Tls::client_ca);
        builder.tls(if self.tls_client_out.is_some() { tls.require_clients() } else { tls })
    }

    /// Writes the files that clients need.
    ///
    /// # Errors
    /// [`CommandError::surroundings`] if one cannot be written.
    pub(crate) fn write(&self, server: &MockServer) -> Result<(), CommandError> {
        let Some(tls) = server.tls() else { return Ok(()) };
        if let Some(file) = &self.tls_ca_out {
            report::replace(file, tls.ca_pem()).map_err(|error| cannot_write(file, error))?;
        }
        if let Some((certificate, key)) = &self.tls_client_out {
            let client = tls.client("elastimock client")?;
            write_secret(key, client.key_pem()).map_err(|error| cannot_write(key, error))?;
            report::replace(certificate, client.certificate_pem()).map_err(|error| cannot_write(certificate, error))?;
        }
        Ok(())
    }

    /// What people are told of it: a line of the introduction.
    pub(crate) fn introduction(&self, server: &MockServer) -> Option<String> {
        let tls = server.tls()?;
        let file = self.tls_ca_out.as_ref().map_or_else(
            || "; --tls-ca-out FILE writes its certificate".to_owned(),
            |file| format!(", in {}", file.display()),
        );
        Some(format!("  trust     the authority {}{file}", tls.ca_fingerprint_hex()))
    }

    /// The flags by which `curl` trusts the server, with a blank behind; none for plain HTTP.
    pub(crate) fn for_curl(&self, server: &MockServer) -> String {
        if server.tls().is_none() {
            return String::new();
        }
        let quoted = |file: &Path| curl::quoted(&file.display().to_string());
        let trusts =
            self.tls_ca_out.as_deref().map_or_else(|| "-k ".to_owned(), |ca| format!("--cacert {} ", quoted(ca)));
        let shows = self
            .tls_client_out
            .as_ref()
            .map(|(certificate, key)| format!("--cert {} --key {} ", quoted(certificate), quoted(key)));
        trusts + &shows.unwrap_or_default()
    }
}

/// The file of an authority while a command runs that is told of it.
pub(crate) struct CaFile {
    path: PathBuf,
    is_ours: bool,
}

impl CaFile {
    /// The file that the user has named, or one that is removed at the end.
    ///
    /// # Errors
    /// [`CommandError::surroundings`] if it cannot be written.
    pub(crate) fn of(tls: &ServerTls, side: &ServerSide) -> Result<CaFile, CommandError> {
        if let Some(path) = &side.tls_ca_out {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            return Ok(CaFile { path, is_ours: false });
        }
        let mut tries = 0;
        loop {
            let path = std::env::temp_dir().join(format!("elastimock-ca-{}-{tries}.pem", std::process::id()));
            // Nobody else's file is written to, nor a link followed.
            let made = OpenOptions::new().write(true).create_new(true).open(&path);
            match made.and_then(|mut file| file.write_all(tls.ca_pem().as_bytes())) {
                Ok(()) => return Ok(CaFile { path, is_ours: true }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && tries < 100 => tries += 1,
                Err(error) => return Err(cannot_write(&path, error)),
            }
        }
    }

    /// The variables of a command that is to trust it.
    pub(crate) fn variables(&self, tls: &ServerTls) -> Vec<(&'static str, OsString)> {
        let path = || self.path.clone().into_os_string();
        let fingerprint = || tls.ca_fingerprint_hex().into();
        vec![
            ("ELASTICSEARCH_CA", path()),
            ("ELASTIMOCK_CA", path()),
            ("ELASTICSEARCH_CA_FINGERPRINT", fingerprint()),
            ("ELASTIMOCK_CA_FINGERPRINT", fingerprint()),
        ]
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if self.is_ours {
            // Whoever has removed it before has done the same.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whom a client trusts that calls a server by `https://`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClientSide {
    /// Trusts the certificates of this PEM file; else the system's authorities
    #[arg(long, help_heading = "TLS", value_name = "FILE", env = "ELASTIMOCK_CA", hide_env = true)]
    pub ca: Option<PathBuf>,
    /// Trusts the authority whose certificate has this SHA-256 fingerprint, as Elasticsearch prints it
    #[arg(long, help_heading = "TLS", value_name = "SHA256", env = "ELASTIMOCK_CA_FINGERPRINT", hide_env = true)]
    pub ca_fingerprint: Option<Fingerprint>,
    /// Shows this certificate to a server that wants one: two PEM files
    #[arg(long, help_heading = "TLS", value_name = "CERT,KEY", value_parser = pair, env = "ELASTIMOCK_CLIENT_CERT", hide_env = true)]
    pub client_cert: Option<(PathBuf, PathBuf)>,
}

impl ClientSide {
    /// Which servers are trusted, and the certificate to show, as TLS takes them.
    ///
    /// # Errors
    /// When a file cannot be read or has no certificate.
    pub(crate) fn trust(&self) -> Result<Trust, CommandError> {
        let mut trust = Trust::default();
        if let Some(file) = &self.ca {
            trust = trust.ca(file)?;
        }
        if let Some(fingerprint) = self.ca_fingerprint {
            trust = trust.fingerprint(fingerprint);
        }
        if let Some((certificate, key)) = &self.client_cert {
            trust = trust.identity(certificate, key)?;
        }
        Ok(trust)
    }
}

/// Two files with a comma between.
fn pair(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once(',') {
        Some((first, second)) if !first.is_empty() && !second.is_empty() => Ok((first.into(), second.into())),
        _ => Err("write two PEM files as CERT,KEY".to_owned()),
    }
}

/// Writes what nobody else is to read.
fn write_secret(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // An older one may be readable to others, and would stay so.
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => options.open(file)?.write_all(text.as_bytes()),
    }
}

fn cannot_write(file: &Path, error: std::io::Error) -> CommandError {
    Error::cannot_write("", file, error).into()
}
