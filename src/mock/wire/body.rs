//! Request bodies: read whole, up to a bound.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::limits::{BODY_ROOM_BYTES_MAX, DRAIN_BYTES_MAX, DRAIN_MS_MAX};

/// Why a body could not be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than it may be.
    TooLarge,
    /// The client went away in its middle.
    Broken,
}

/// Reads a body whole. One that comes in a single piece is handed on without a copy.
///
/// # Errors
/// [`BodyError::TooLarge`] as soon as it is known to be; before the first byte, if its length was announced.
pub(crate) async fn read(incoming: &mut Incoming, bytes_max: usize) -> Result<Bytes, BodyError> {
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = incoming.size_hint();
    if announced.lower() > bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = next(incoming).await? else {
        return Ok(Bytes::new());
    };
    if incoming.is_end_stream() && first.len() <= bytes_max {
        return Ok(first);
    }
    let expected = usize::try_from(announced.lower()).unwrap_or(bytes_max);
    let mut whole = BytesMut::with_capacity(expected.clamp(first.len(), BODY_ROOM_BYTES_MAX.max(first.len())));
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if whole.len() + bytes.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        // What was announced and is really coming gets its room in one go.
        if whole.capacity() < whole.len() + bytes.len()
            && whole.len() >= BODY_ROOM_BYTES_MAX / 2
            && expected > whole.len()
        {
            whole.reserve(expected - whole.len());
        }
        whole.extend_from_slice(&bytes);
        piece = next(incoming).await?;
    }
    Ok(whole.freeze())
}

/// A gzip body unpacked, if it is one and not larger than it may be.
///
/// # Errors
/// [`BodyError::TooLarge`] if it would be larger; [`BodyError::Broken`] if it is no gzip.
pub(crate) fn unpacked(body: &[u8], bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut whole = Vec::new();
    let mut reader = MultiGzDecoder::new(body).take((bytes_max as u64).saturating_add(1));
    reader.read_to_end(&mut whole).map_err(|_| BodyError::Broken)?;
    if whole.len() > bytes_max { Err(BodyError::TooLarge) } else { Ok(whole.into()) }
}

async fn next(incoming: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    loop {
        match incoming.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            // Trailers say nothing that anybody reads.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads a refused body and throws it away, up to a bound: a client that is still sending then sees the
/// answer instead of a reset.
pub(crate) async fn drain(mut incoming: Incoming) {
    let all = async {
        let mut bytes = 0;
        while let Ok(Some(piece)) = next(&mut incoming).await {
            bytes += piece.len();
            if bytes > DRAIN_BYTES_MAX {
                break;
            }
        }
    };
    // Running out of time is as good as running out of bytes: the answer is sent all the same.
    let _ = tokio::time::timeout(Duration::from_millis(DRAIN_MS_MAX), all).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).and_then(|()| encoder.finish()).expect("a vector takes all")
    }

    #[test]
    fn a_packed_body_is_unpacked_up_to_a_bound() {
        assert_eq!(unpacked(&packed(b"{}"), 2).as_deref(), Ok(b"{}".as_slice()));
        assert_eq!(unpacked(&packed(&[b' '; 1_000_000]), 1_000_000).map(|body| body.len()), Ok(1_000_000));
        assert_eq!(unpacked(&packed(&[b' '; 1_000_001]), 1_000_000), Err(BodyError::TooLarge));
        assert_eq!(unpacked(&packed(b"{}"), usize::MAX).as_deref(), Ok(b"{}".as_slice()));
        assert_eq!(unpacked(b"{}", 100), Err(BodyError::Broken));
        assert_eq!(unpacked(&packed(b"whole")[..12], 100), Err(BodyError::Broken));
    }
}
