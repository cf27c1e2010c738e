//! The upstream that flags name.

use super::args::Access;
use super::console::CommandError;
use crate::mock::wire::upstream::Upstream;

/// The upstream of these nodes; none if there are none.
///
/// # Errors
/// [`CommandError::input`] if an address is none.
pub(crate) fn of(urls: &[String], access: &Access) -> Result<Option<Upstream>, CommandError> {
    let Some((first, others)) = urls.split_first() else { return Ok(None) };
    let mut upstream = Upstream::new(first)?;
    for url in others {
        upstream = upstream.node(url)?;
    }
    if let Some((name, password)) = &access.upstream_user {
        upstream = upstream.user(name, password);
    }
    if let Some(key) = &access.upstream_api_key {
        upstream = upstream.api_key(key);
    }
    if let Some(file) = &access.upstream_ca {
        upstream = upstream.ca(file);
    }
    if let Some(fingerprint) = &access.upstream_fingerprint {
        upstream = upstream.fingerprint(fingerprint)?;
    }
    if let Some(timeout) = access.upstream_timeout {
        upstream = upstream.timeout(timeout);
    }
    Ok(Some(upstream))
}
