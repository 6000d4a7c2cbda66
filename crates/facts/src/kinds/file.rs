use crate::{Address, Mac, Time, kind};

use super::Outcome;

kind! {
    /// A file that crossed the wire, whole or with holes: who sent it to whom, what it is called and what it is. Its content is
    /// hashed as it goes by and not kept. Each transfer is a row of its own; a part of a web page and a message between
    /// programs are counted on one row while a sensor watches.
    File = "file" (counted if File::is_page) {
        /// Request that led to it, or its first byte where that was not seen.
        time: Time => first,
        /// Its last byte seen.
        last: Time => last,
        /// How many times it was seen; each transfer is a row of its own unless `page`.
        count: u64 => sum,
        /// The end that sent the content.
        source: Address,
        /// The end that received it.
        target: Address,
        /// MAC address that carried the content.
        source_mac: Option<Mac> => opening,
        /// MAC address to which the content went.
        target_mac: Option<Mac> => opening,
        /// VLAN in which it was seen; null when untagged.
        vlan: Option<u16>,
        /// Protocol, by the name of its decoder.
        protocol: String,
        /// Who asked for it: `download` when the receiver fetched it, `upload` when the sender put it.
        direction: String,
        /// Name without folders.
        name: Option<String>,
        /// Name as it stood on the wire, with share and folders.
        path: Option<String>,
        /// Bytes of the whole file, as far as stated or seen to its end.
        size: Option<u64> => opening,
        /// Bytes of it that were seen, each once; of encoded content, when decoded.
        bytes: u64 => opening,
        /// Bytes of it that were not seen; null where its size is not known.
        missing: Option<u64> => opening,
        /// Whether all of it was seen.
        complete: bool,
        /// SHA-256 of the whole, in hex; only when all of it was seen, and in an order that could be followed.
        sha256: Option<String> => opening,
        /// Media type by its content, e.g. `application/zip`; null where the content does not tell.
        mime: Option<String> => opening,
        /// What it is by its content: `program`, `archive`, `document`, `picture`, `video`, `sound`, `font`, `text`, or `data`
        /// where the content does not tell.
        content: Option<String> => opening,
        /// Whether it came as part of a web page or as a message between programs (HTML, script, style, picture, JSON, XML)
        /// rather than as a file to keep or to run.
        page: bool,
        /// More in the protocol's own words: how it was encoded, which part of the file it is, why it is not whole.
        detail: Option<String> => opening,
        /// User name under which it was carried, where it went in clear text.
        user: Option<String>,
        /// How it ended: `ok`, `refused`, `unanswered`; null when that cannot be seen.
        outcome: Option<Outcome>,
        /// Community ID of the conversation that carried the content.
        community_id: Option<String> => opening,
        /// Host to which a proxy was to lead who asked for it, where that was asked for by name alone; the end that was asked
        /// is then the proxy, and is judged by what the site calls so.
        asked_for: Option<String>,
        /// Judged: asset that sent it, as named in the site file, else its address.
        source_asset: Option<String>,
        /// Judged: zone of the sender.
        source_zone: Option<String>,
        /// Judged: asset that received it, as named in the site file, else its address.
        target_asset: Option<String>,
        /// Judged: zone of the receiver.
        target_zone: Option<String>,
        /// Judged: crane that the receiver belongs to.
        crane: Option<String>,
        /// Judged: whether it came into the crane network: the receiver is of it, the sender is not.
        enters: bool,
        /// Judged: the transfer gate that sent it, by its name in the site file.
        gate: Option<String>,
        /// Judged: work order that allows files between the two at that time.
        work_order: Option<String>,
        /// Judged: conduit that allows files by this protocol between the two.
        conduit: Option<String>,
        /// Judged: why nothing authorises it (the nearest work order and what does not fit).
        reason: Option<String>,
    }
}

impl File {
    /// Whether repetitions count on one row.
    pub fn is_page(&self) -> bool {
        self.page
    }
}
