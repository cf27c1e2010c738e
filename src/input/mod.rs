//! What a user gives to read: its bytes, unpacked, up to a bound, and what it looks like.
//!
//! Nothing here opens a file. Who has one open hands it over: files and standard input are read alike.

pub(crate) mod sniff;

use std::io::{ErrorKind, Read};

use flate2::read::MultiGzDecoder;

use crate::error::Error;
use crate::limits::{INPUT_HEAD_BYTES, UNPACKED_BYTES_TRUSTED, UNPACKED_RATIO_MAX};
use sniff::{InputWanted, TextLooks};

/// What gzip begins with, whatever the file is called.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// How messages call standard input.
pub(crate) const STDIN: &str = "stdin";

/// Reads all that `reader` has, unpacked if it is gzip. `name` is for messages.
///
/// Of what is seen to be something else than what is wanted only the beginning is read, which is all that
/// [`sniff::mismatch`] needs to say so: it may have no end.
///
/// # Errors
/// [`Error::is_invalid_input`] if there are more than `bytes_max` bytes, packed or unpacked, or if the gzip
/// is broken; [`Error::is_surroundings`] if it cannot be read.
pub(crate) fn bytes(name: &str, reader: impl Read, wanted: InputWanted, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut reader = Bounded { reader, left: bytes_max, beyond: false };
    let mut head = Vec::new();
    part(name, &mut reader, &mut head, GZIP.len())?;
    if !head.starts_with(&GZIP) {
        let bytes = text(name, &mut reader, head, wanted, bytes_max);
        return if reader.beyond { Err(too_large(name, wanted, bytes_max)) } else { bytes };
    }
    let unpacking = Unpacking { decoder: MultiGzDecoder::new(head.chain(reader)), packed_max: bytes_max, unpacked: 0 };
    let mut unpacked = Bounded { reader: unpacking, left: bytes_max, beyond: false };
    let bytes = text(name, &mut unpacked, Vec::new(), wanted, bytes_max);
    let beyond = unpacked.beyond || unpacked.reader.decoder.get_ref().get_ref().1.beyond;
    if beyond { Err(too_large(name, wanted, bytes_max)) } else { bytes }
}

/// Reads a text that begins with `head`.
fn text(
    name: &str,
    reader: &mut impl Read,
    mut head: Vec<u8>,
    wanted: InputWanted,
    bytes_max: usize,
) -> Result<Vec<u8>, Error> {
    part(name, reader, &mut head, INPUT_HEAD_BYTES.min(bytes_max))?;
    let first_line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_seen = first_line.len() < head.trim_ascii_start().len();
    let is_else = match sniff::at(&head) {
        TextLooks::Other(_) => !wanted.is_whatever(),
        // A recording is known by its first line.
        looks => wanted == InputWanted::Recording && looks != TextLooks::Recording && is_seen,
    };
    if is_else {
        return Ok(head);
    }
    part(name, reader, &mut head, usize::MAX)?;
    Ok(head)
}

/// Reads on until there are `bytes` bytes, or no more.
fn part(name: &str, reader: &mut impl Read, into: &mut Vec<u8>, bytes: usize) -> Result<(), Error> {
    let more = bytes.saturating_sub(into.len()) as u64;
    match reader.take(more).read_to_end(into) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
            Err(Error::invalid_input(format!("{name}: the gzip data is broken; pack the file again")))
        }
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(Error::invalid_input(format!(
            "{name}: the gzip data unpacks to more than {UNPACKED_RATIO_MAX} times its size; if that is right, unpack it \
             with gunzip"
        ))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(Error::invalid_input(format!("{name}: the gzip data ends too early; pack the file again")))
        }
        Err(error) => Err(Error::cannot_read(std::path::Path::new(name), error)),
    }
}

fn too_large(name: &str, wanted: InputWanted, bytes_max: usize) -> Error {
    Error::invalid_input(format!(
        "{name}: there are more than {bytes_max} bytes; {} may have no more: split it",
        wanted.noun()
    ))
}

/// Unpacks gzip, and gives up when far more comes out than a text ever packs into so little.
struct Unpacking<'h, R> {
    decoder: MultiGzDecoder<std::io::Chain<&'h [u8], Bounded<R>>>,
    /// How many packed bytes may be read in all.
    packed_max: usize,
    unpacked: usize,
}

impl<R: Read> Read for Unpacking<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.unpacked += read;
        let packed = self.packed_max - self.decoder.get_ref().get_ref().1.left;
        match self.unpacked > UNPACKED_BYTES_TRUSTED && self.unpacked / UNPACKED_RATIO_MAX > packed {
            true => Err(ErrorKind::FileTooLarge.into()),
            false => Ok(read),
        }
    }
}

/// Hands out so many bytes, and notes whether there were more.
struct Bounded<R> {
    reader: R,
    left: usize,
    beyond: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            self.beyond |= self.reader.read(&mut [0])? > 0;
            return Ok(0);
        }
        let most = buffer.len().min(self.left);
        let read = self.reader.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}

/// The bytes as gzip.
#[cfg(test)]
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes all")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, String> {
        bytes("f", reader, InputWanted::Fixture, bytes_max).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_read_up_to_the_bound_packed_or_not() {
        let text = format!("{{{}}}", " ".repeat(99_998));
        let whole = packed(text.as_bytes());
        let two = [&packed(&text.as_bytes()[..7])[..], &packed(&text.as_bytes()[7..])].concat();
        for bytes in [text.as_bytes(), &whole, &two] {
            assert_eq!(read(bytes, 100_000).as_deref(), Ok(text.as_bytes()));
            let told = read(bytes, 99_999).expect_err("one too many");
            assert_eq!(told, "f: there are more than 99999 bytes; a fixture may have no more: split it");
        }
        assert_eq!(read(&b""[..], 10), Ok(Vec::new()));
        assert_eq!(read(&[0x1F][..], 10), Ok(vec![0x1F]));
    }

    #[test]
    fn what_has_no_end_is_told_at_the_bound() {
        let told = read(std::io::repeat(b' '), 1_000_000).expect_err("no end");
        assert!(told.starts_with("f: there are more than 1000000 bytes"), "{told}");
        assert_eq!(read(std::io::repeat(0), usize::MAX).map(|head| head.len()), Ok(INPUT_HEAD_BYTES));
        let recording = |text: &'static [u8]| {
            let endless = text.chain(std::io::repeat(b'\n'));
            bytes("f", endless, InputWanted::Recording, 1_000_000).map_err(|error| error.to_string())
        };
        assert_eq!(recording(b"y\ny").map(|head| head.len()), Ok(INPUT_HEAD_BYTES));
        let told = recording(b"{\"elastimock_recording\":1}").expect_err("no end");
        assert_eq!(told, "f: there are more than 1000000 bytes; a recording may have no more: split it");
    }

    #[test]
    fn what_unpacks_beyond_all_measure_is_told_long_before_the_bound() {
        let blank = vec![b' '; UNPACKED_BYTES_TRUSTED];
        assert_eq!(read(&packed(&blank)[..], usize::MAX).map(|text| text.len()), Ok(blank.len()));
        let bomb = packed(&[&blank[..], b"  "].concat());
        let told = read(&bomb[..], usize::MAX).expect_err("a bomb");
        assert!(told.starts_with("f: the gzip data unpacks to more than 200 times its size; "), "{told}");
    }

    #[test]
    fn broken_gzip_is_told() {
        let whole = packed(b"{ \"connectors\": [] }");
        let told = read(&whole[..whole.len() - 9], 100).expect_err("cut off");
        assert_eq!(told, "f: the gzip data ends too early; pack the file again");
        let mut broken = whole.clone();
        broken[whole.len() - 6] ^= 0xFF;
        assert_eq!(read(&broken[..], 100), Err("f: the gzip data is broken; pack the file again".to_owned()));
        let within = read(&packed(&whole)[..], 100).expect("gzip within gzip");
        let (what, cure) = sniff::mismatch(&within, "f", InputWanted::Fixture).expect("told");
        assert_eq!((&*what, &*cure), ("this is gzip within gzip", "unpack it once with gunzip"));
    }
}
