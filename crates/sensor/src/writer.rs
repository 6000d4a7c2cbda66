//! Writes pcapng: the packets behind a finding, each saying which capture and frame it was.
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use wire::Frame;

use crate::{Error, link};

/// A pcapng file in the making: one section, one interface per capture and link type, named like the capture.
///
/// Times are written in nanoseconds, lengths as they were on the wire, and each packet has the comment
/// `span.pcap frame 812`. The same frames give the same bytes.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    /// Capture and link type of each interface, by its number.
    interfaces: Vec<(String, u32)>,
    /// Body of the block being written, kept so that no frame allocates.
    body: Vec<u8>,
}

impl Writer<BufWriter<File>> {
    /// A new file; one that is there already is replaced.
    ///
    /// # Errors
    /// [`Error::Write`] where the file cannot be made, or its first block cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Writer<BufWriter<File>>, Error> {
        let path = path.as_ref();
        let fail = |source| Error::Write {
            path: path.to_owned(),
            source,
        };
        Writer::new(BufWriter::new(File::create(path).map_err(fail)?)).map_err(fail)
    }
}

impl<W: Write> Writer<W> {
    /// Writes the section header (pcapng, 4.1) to `out` and goes on behind it; times will be in nanoseconds.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W) -> io::Result<Writer<W>> {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        // Length of the section: not stated.
        body.extend([0xff; 8]);
        let application = concat!("seawall ", env!("CARGO_PKG_VERSION"));
        option(&mut body, 4, application.as_bytes());
        end_of_options(&mut body);
        block(&mut out, 0x0a0d_0d0a, &body)?;
        Ok(Writer {
            out,
            interfaces: Vec::new(),
            body,
        })
    }

    /// Writes a frame of the capture with that name.
    ///
    /// # Errors
    /// What `out` says, or that the frame or its link type is larger than the format can say; what was written of it
    /// may stay.
    pub fn frame(&mut self, capture: &str, frame: &Frame<'_>) -> io::Result<()> {
        let comment = format!("{capture} frame {}", frame.number);
        self.packet(capture, frame, Some(&comment))
    }

    /// Writes a frame that no other file holds, of the interface with that name; without a comment.
    #[cfg(target_os = "linux")]
    pub(crate) fn captured(&mut self, interface: &str, frame: &Frame<'_>) -> io::Result<()> {
        self.packet(interface, frame, None)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn packet(
        &mut self,
        capture: &str,
        frame: &Frame<'_>,
        comment: Option<&str>,
    ) -> io::Result<()> {
        let interface = self.interface(capture, link::number(frame.link))?;
        let length = u32::try_from(frame.data.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // Times before 1970 cannot be said.
        let ticks = u64::try_from(frame.time.0).unwrap_or(0).to_be_bytes();
        let [a, b, c, d, e, f, g, h] = ticks;
        let body = &mut self.body;
        body.clear();
        body.extend(interface.to_le_bytes());
        body.extend([d, c, b, a, h, g, f, e]);
        body.extend(length.to_le_bytes());
        body.extend(frame.wire_len.max(length).to_le_bytes());
        body.extend(frame.data);
        pad(body);
        if let Some(comment) = comment {
            option(body, 1, comment.as_bytes());
            end_of_options(body);
        }
        block(&mut self.out, 6, body)
    }

    /// Number of the interface, described on first use.
    fn interface(&mut self, capture: &str, network: u32) -> io::Result<u32> {
        let known = self
            .interfaces
            .iter()
            .position(|(name, link)| name == capture && *link == network);
        let number = known.unwrap_or(self.interfaces.len());
        if known.is_none() {
            let network16 =
                u16::try_from(network).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
            let mut body = Vec::new();
            body.extend(network16.to_le_bytes());
            // Reserved, and a snap length of none.
            body.extend([0; 6]);
            option(&mut body, 2, capture.as_bytes());
            option(&mut body, 9, &[9]);
            end_of_options(&mut body);
            block(&mut self.out, 1, &body)?;
            self.interfaces.push((capture.to_owned(), network));
        }
        u32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
    }

    /// Writes out what is buffered. Without it, an error of the last bytes would go unseen.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length =
        u32::try_from(body.len() + 12).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&length.to_le_bytes())
}

/// An option; a value is cut where its length field ends.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(value.iter().take(usize::from(length)));
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
