//! Request bodies: read whole, up to a bound.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::limits::{DRAIN_BYTES_MAX, DRAIN_MS_MAX};

/// Why a body could not be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// The client went away in its middle.
    Broken,
}

/// Room that is made for a body before its first byte has come, whatever length was announced.
const ROOM_BYTES_MAX: usize = 1024 * 1024;

/// Reads a body whole. One that comes in a single piece is handed on without a copy.
pub async fn read(mut incoming: Incoming, bytes_max: usize) -> Result<Bytes, Unread> {
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = incoming.size_hint();
    if announced.lower() > bytes_max as u64 {
        drain(incoming).await;
        return Err(Unread::TooLarge);
    }
    let Some(first) = next(&mut incoming).await? else {
        return Ok(Bytes::new());
    };
    if incoming.is_end_stream() && first.len() <= bytes_max {
        return Ok(first);
    }
    let expected = usize::try_from(announced.lower()).unwrap_or(bytes_max);
    let mut whole = BytesMut::with_capacity(expected.clamp(first.len(), ROOM_BYTES_MAX.max(first.len())));
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if whole.len() + bytes.len() > bytes_max {
            drain(incoming).await;
            return Err(Unread::TooLarge);
        }
        // What was announced and is really coming gets its room in one go.
        if whole.capacity() < whole.len() + bytes.len() && whole.len() >= ROOM_BYTES_MAX / 2 && expected > whole.len() {
            whole.reserve(expected - whole.len());
        }
        whole.extend_from_slice(&bytes);
        piece = next(&mut incoming).await?;
    }
    Ok(whole.freeze())
}

async fn next(incoming: &mut Incoming) -> Result<Option<Bytes>, Unread> {
    loop {
        match incoming.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Unread::Broken),
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
async fn drain(mut incoming: Incoming) {
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
