//! Files on the wire: by every protocol the same row, and with packets missing, doubled or out of order never a wrong hash.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests may fail loudly"
)]
mod support;

use std::io::Write;

use expect_test::{Expect, expect};
use facts::Facts;
use facts::kinds::File;
use lab::net::{Micros, Network, Side, Tcp};
use lab::speech::{ftp, tftp};
use lab::truth::sha256;
use support::{AT, PANEL, STATION, observed, played};
use wire::Outcome;

fn read<'a>(frames: impl IntoIterator<Item = &'a Vec<u8>>) -> Facts {
    observed(frames, usize::MAX).into_facts(vec!["test.pcap".to_owned()])
}

fn line(file: &File) -> String {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let size = file.size.map_or("?".to_owned(), |size| size.to_string());
    format!(
        "{} {} {} {}→{} {}/{size} {} {} {} {} ({})",
        file.protocol,
        file.direction,
        or(&file.path),
        file.source,
        file.target,
        file.bytes,
        file.sha256.as_deref().map_or("-", |hash| &hash[..8]),
        or(&file.content),
        or(&file.user),
        file.outcome.map_or("-", facts::kinds::Outcome::name),
        or(&file.detail),
    )
}

fn lines(facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = facts.carried_files.iter().map(line).collect();
    lines.sort();
    lines
}

/// The files are those expected and have the hashes of `contents`; with frames missing no other hash appears and nothing is
/// called whole that is not, nor where frames were cut short; doubled frames change nothing.
fn check(frames: &[Vec<u8>], contents: &[&[u8]], expected: Expect) {
    let facts = read(frames);
    let known = lines(&facts);
    expected.assert_eq(&(known.join("\n") + "\n"));
    let hashes: Vec<String> = contents.iter().map(|content| sha256(content)).collect();
    let sound = |facts: &Facts, what: &str| {
        for file in &facts.carried_files {
            if let Some(hash) = &file.sha256 {
                assert!(hashes.contains(hash), "{what}: {}", line(file));
            }
            assert!(
                !file.complete || file.missing == Some(0),
                "{what}: {}",
                line(file)
            );
        }
        for op in &facts.operations {
            if let Some(hash) = &op.content_sha256 {
                assert!(hashes.contains(hash), "{what}: {:?}", op.object);
            }
        }
    };
    sound(&facts, "as it was");
    for hash in &hashes {
        assert!(
            facts
                .carried_files
                .iter()
                .any(|file| file.sha256.as_ref() == Some(hash)),
            "{hash} is not told"
        );
    }
    for lost in 0..frames.len() {
        let rest: Vec<&Vec<u8>> = frames
            .iter()
            .enumerate()
            .filter(|(nth, _)| *nth != lost)
            .map(|(_, frame)| frame)
            .collect();
        sound(&read(rest), &format!("without frame {}", lost + 1));
    }
    for snap in [96, 256] {
        let cut = observed(frames, snap).into_facts(vec!["cut.pcap".to_owned()]);
        sound(&cut, &format!("of each frame {snap} bytes"));
    }
    let doubled: Vec<&Vec<u8>> = frames.iter().flat_map(|frame| [frame, frame]).collect();
    assert_eq!(lines(&read(doubled)), known, "each frame twice");
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|nth| (nth * 7 + nth / 256) as u8).collect()
}

#[test]
fn ftp_carries_a_file_on_a_channel_of_its_own() {
    let recipe = b"lane;speed\r\n1;1200\r\n".repeat(200);
    let frames = played(|net| {
        let login = ("operator", "secret");
        ftp::transfer(
            net,
            AT,
            STATION,
            PANEL,
            login,
            true,
            ("/in/recipe.csv", &recipe),
        );
    });
    check(
        &frames,
        &[&recipe],
        expect![[r#"
            ftp upload /in/recipe.csv 10.20.7.1→10.20.7.2 4000/4000 e627f978 text operator ok (-)
        "#]],
    );
    let facts = read(&frames);
    let op = &facts.operations[0];
    assert_eq!(op.content_sha256, Some(sha256(&recipe)));
    assert_eq!(op.protocol, "ftp");
    let data = facts
        .conversations
        .iter()
        .find(|one| one.protocol.as_deref() == Some("ftp-data"));
    assert_eq!(
        data.unwrap().community_id.as_deref(),
        facts.carried_files[0].community_id.as_deref(),
        "the file stands with the conversation that carried it"
    );
}

#[test]
fn ftp_fetches_and_an_active_channel_is_read_as_well() {
    let image = content(5000);
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 21);
        tcp.answer(net, b"220 ftp server\r\n");
        for (ask, answer) in [
            ("TYPE I\r\n", "200 ok\r\n"),
            ("PORT 10,20,7,1,200,10\r\n", "200 ok\r\n"),
        ] {
            tcp.exchange(net, ask.as_bytes(), answer.as_bytes());
        }
        tcp.exchange(net, b"RETR fw.bin\r\n", b"150 opening (5000 bytes).\r\n");
        let mut data = Tcp::open(net, tcp.now(), PANEL, STATION, 200 * 256 + 10);
        data.ask(net, &image);
        data.close(net);
        tcp.until(data.now());
        tcp.answer(net, b"226 done\r\n");
        tcp.close(net);
    });
    check(
        &frames,
        &[&image],
        expect![[r#"
        ftp download fw.bin 10.20.7.2→10.20.7.1 5000/5000 1b5c855f data - ok (-)
    "#]],
    );
}

#[test]
fn tftp_counts_on_where_its_numbers_go_round() {
    let image = content(66_000 * 16 + 5);
    let mut worker_frames = Vec::new();
    let small = content(2000);
    worker_frames.extend(played(|net| {
        tftp::read(net, AT, STATION, PANEL, "startup.cfg", &small)
    }));
    check(
        &worker_frames,
        &[&small],
        expect![[r#"
        tftp download startup.cfg 10.20.7.2→10.20.7.1 2000/2000 50f9b59e data - ok (octet)
    "#]],
    );
    let frames = played(|net| {
        let request = b"\0\x02big.bin\0octet\0blksize\x0016\0";
        net.udp(AT, STATION, 50_000, PANEL, 69, request);
        net.udp(
            AT + 1,
            PANEL,
            50_001,
            STATION,
            50_000,
            b"\0\x06blksize\x0016\0",
        );
        for (nth, piece) in image.chunks(16).enumerate() {
            let number = ((nth + 1) as u16).to_be_bytes();
            let at = AT + 2 + 2 * nth as Micros;
            let block = [&[0, 3][..], &number, piece].concat();
            net.udp(at, STATION, 50_000, PANEL, 50_001, &block);
            net.udp(
                at + 1,
                PANEL,
                50_001,
                STATION,
                50_000,
                &[&[0, 4][..], &number].concat(),
            );
        }
    });
    let facts = read(&frames);
    assert_eq!(facts.carried_files[0].sha256, Some(sha256(&image)));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn http_tells_files_however_their_end_is_told() {
    let (one, two, three) = (
        content(4000),
        b"line of a text\n".repeat(400),
        content(3000),
    );
    let packed = gzip(&two);
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 80);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", one.len());
        tcp.exchange(
            net,
            b"GET /a.bin HTTP/1.1\r\nHost: p\r\n\r\n",
            &[head.as_bytes(), &one].concat(),
        );
        let mut chunked =
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_vec();
        for chunk in packed.chunks(50) {
            chunked.extend(
                format!("{:x}\r\n", chunk.len())
                    .bytes()
                    .chain(chunk.iter().copied())
                    .chain(*b"\r\n"),
            );
        }
        chunked.extend(b"0\r\n\r\n");
        tcp.exchange(net, b"GET /b.txt HTTP/1.1\r\nHost: p\r\n\r\n", &chunked);
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n";
        tcp.exchange(
            net,
            b"GET /c HTTP/1.1\r\nHost: p\r\n\r\n",
            &[head.as_slice(), &three].concat(),
        );
        tcp.close_by(net, Side::Server);
    });
    check(
        &frames,
        &[&one, &two, &three],
        expect![[r#"
        http download /a.bin 10.20.7.2→10.20.7.1 4000/4000 960c1e92 data - ok (-)
        http download /b.txt 10.20.7.2→10.20.7.1 6000/6000 05c3e26c text - ok (encoded as gzip)
        http download /c 10.20.7.2→10.20.7.1 3000/3000 f49a000a data - ok (-)
    "#]],
    );
}

#[test]
fn http_puts_parts_of_a_file_together_and_takes_forms_apart() {
    let file = content(6000);
    let (first, second) = (content(1500), b"x=1\r\n--B\r\n".repeat(300));
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 80);
        for (from, to) in [(0, 2000), (4000, 6000), (2000, 4000)] {
            let ask = format!(
                "GET /fw.img HTTP/1.1\r\nHost: p\r\nRange: bytes={from}-{}\r\n\r\n",
                to - 1
            );
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/6000\r\nContent-Length: {}\r\n\r\n",
                to - 1,
                to - from
            );
            tcp.exchange(
                net,
                ask.as_bytes(),
                &[head.as_bytes(), &file[from..to]].concat(),
            );
        }
        let part = |name: &str, content: &[u8]| {
            let head = format!(
                "--BOUND\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n"
            );
            [head.as_bytes(), content, b"\r\n"].concat()
        };
        let plain = b"--BOUND\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nupload\r\n";
        let body = [
            part("one.bin", &first),
            plain.to_vec(),
            part("two.txt", &second),
            b"--BOUND--\r\n".to_vec(),
        ]
        .concat();
        let head = format!(
            "POST /load HTTP/1.1\r\nHost: p\r\nAuthorization: Basic b3A6eA==\r\nContent-Type: multipart/form-data; boundary=BOUND\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        tcp.exchange(
            net,
            &[head.as_bytes(), &body].concat(),
            b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        );
        tcp.close(net);
    });
    check(
        &frames,
        &[&file, &first, &second],
        expect![[r#"
        http download /fw.img 10.20.7.2→10.20.7.1 6000/6000 ff4f94c7 data - ok (put together of parts)
        http upload /load 10.20.7.1→10.20.7.2 1500/1500 69d745ca data op ok (-)
        http upload /load 10.20.7.1→10.20.7.2 3000/3000 37462ed3 text op ok (-)
    "#]],
    );
}

/// One SMB 2 message: command, message number, whether it answers, whether it goes on with the one before, body.
struct Smb {
    command: u16,
    number: u64,
    reply: bool,
    related: bool,
    status: u32,
    body: Vec<u8>,
}

fn smb(command: u16, number: u64, reply: bool, body: Vec<u8>) -> Smb {
    Smb {
        command,
        number,
        reply,
        related: false,
        status: 0,
        body,
    }
}

/// A session message that holds them all.
fn session(messages: &[Smb]) -> Vec<u8> {
    let mut all = Vec::new();
    for (nth, one) in messages.iter().enumerate() {
        let last = nth + 1 == messages.len();
        let room = (64 + one.body.len()).next_multiple_of(8);
        let next = if last { 0 } else { room as u32 };
        let flags = u32::from(one.reply) | if one.related { 4 } else { 0 };
        let mut message = b"\xfeSMB\x40\0\0\0".to_vec();
        message.extend(one.status.to_le_bytes());
        message.extend(one.command.to_le_bytes());
        message.extend([1, 0]);
        message.extend(flags.to_le_bytes());
        message.extend(next.to_le_bytes());
        message.extend(one.number.to_le_bytes());
        message.extend([0; 4]);
        message.extend(5u32.to_le_bytes());
        message.extend(9u64.to_le_bytes());
        message.extend([0; 16]);
        message.extend(&one.body);
        if !last {
            message.resize(room, 0);
        }
        all.extend(message);
    }
    [&(all.len() as u32).to_be_bytes()[..], &all].concat()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn connect(path: &str) -> Vec<u8> {
    let path = wide(path);
    [
        &[9, 0, 0, 0, 72, 0][..],
        &(path.len() as u16).to_le_bytes(),
        &path,
    ]
    .concat()
}

fn create(name: &str) -> Vec<u8> {
    let name = wide(name);
    let mut body = vec![57, 0];
    body.extend([0; 42]);
    body.extend(120u16.to_le_bytes());
    body.extend((name.len() as u16).to_le_bytes());
    body.extend([0; 8]);
    body.extend(name);
    body
}

fn created(id: [u8; 16], size: u64) -> Vec<u8> {
    let mut body = vec![89, 0, 0, 0, 1, 0, 0, 0];
    body.extend([0; 40]);
    body.extend(size.to_le_bytes());
    body.extend(0x20u32.to_le_bytes());
    body.extend([0; 4]);
    body.extend(id);
    body.extend([0; 8]);
    body
}

fn write(id: [u8; 16], offset: u64, content: &[u8]) -> Vec<u8> {
    let mut body = vec![49, 0, 112, 0];
    body.extend((content.len() as u32).to_le_bytes());
    body.extend(offset.to_le_bytes());
    body.extend(id);
    body.extend([0; 16]);
    body.extend(content);
    body
}

fn ask_read(id: [u8; 16], offset: u64, length: u32) -> Vec<u8> {
    let mut body = vec![49, 0, 0, 0];
    body.extend(length.to_le_bytes());
    body.extend(offset.to_le_bytes());
    body.extend(id);
    body.extend([0; 17]);
    body
}

fn was_read(content: &[u8]) -> Vec<u8> {
    let mut body = vec![17, 0, 80, 0];
    body.extend((content.len() as u32).to_le_bytes());
    body.extend([0; 8]);
    body.extend(content);
    body
}

fn close(id: [u8; 16]) -> Vec<u8> {
    [&[24, 0, 0, 0, 0, 0, 0, 0][..], &id].concat()
}

#[test]
fn smb_reads_and_writes_at_places_in_any_order_and_in_compounds() {
    let (fetched, put, small) = (content(9000), content(7000), content(700));
    let (a, b, c) = ([1; 16], [2; 16], [3; 16]);
    let done = |number| {
        smb(
            6,
            number,
            true,
            vec![60, 0, 0, 0].into_iter().chain([0; 56]).collect(),
        )
    };
    let wrote = |number| {
        smb(
            9,
            number,
            true,
            vec![17, 0, 0, 0].into_iter().chain([0; 12]).collect(),
        )
    };
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 445);
        let mut turn = |net: &mut Network, asks: &[Smb], answers: &[&[Smb]]| {
            tcp.send(net, Side::Client, &session(asks));
            for answer in answers {
                tcp.send(net, Side::Server, &session(answer));
            }
        };
        let share = vec![16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        turn(
            net,
            &[smb(3, 1, false, connect(r"\\PANEL\recipes"))],
            &[&[smb(3, 1, true, share)]],
        );
        // Read in three pieces, asked one after the other, the last two answered the other way round.
        turn(
            net,
            &[smb(5, 2, false, create(r"out\log.bin"))],
            &[&[smb(5, 2, true, created(a, 9000))]],
        );
        turn(net, &[smb(8, 3, false, ask_read(a, 0, 3000))], &[]);
        turn(net, &[smb(8, 4, false, ask_read(a, 3000, 3000))], &[]);
        turn(
            net,
            &[smb(8, 5, false, ask_read(a, 6000, 3000))],
            &[
                &[smb(8, 3, true, was_read(&fetched[..3000]))],
                &[smb(8, 5, true, was_read(&fetched[6000..]))],
                &[smb(8, 4, true, was_read(&fetched[3000..6000]))],
            ],
        );
        turn(net, &[smb(6, 6, false, close(a))], &[&[done(6)]]);
        // Written from the end.
        turn(
            net,
            &[smb(5, 7, false, create("fw.bin"))],
            &[&[smb(5, 7, true, created(b, 0))]],
        );
        turn(
            net,
            &[smb(9, 8, false, write(b, 4000, &put[4000..]))],
            &[&[wrote(8)]],
        );
        turn(
            net,
            &[smb(9, 9, false, write(b, 0, &put[..4000]))],
            &[&[wrote(9)]],
        );
        turn(net, &[smb(6, 10, false, close(b))], &[&[done(10)]]);
        // Opened, written and closed in one.
        let all = [0xff; 16];
        let related = |it: Smb| Smb {
            related: true,
            ..it
        };
        turn(
            net,
            &[
                smb(5, 11, false, create("note.dat")),
                related(smb(9, 12, false, write(all, 0, &small))),
                related(smb(6, 13, false, close(all))),
            ],
            &[&[
                smb(5, 11, true, created(c, 0)),
                related(wrote(12)),
                related(done(13)),
            ]],
        );
        // A part of a file that was there before is written over: what it has become was not seen.
        turn(
            net,
            &[smb(5, 14, false, create("fw.bin"))],
            &[&[smb(5, 14, true, created(b, 7000))]],
        );
        turn(
            net,
            &[smb(9, 15, false, write(b, 0, &small))],
            &[&[wrote(15)]],
        );
        turn(net, &[smb(6, 16, false, close(b))], &[&[done(16)]]);
        tcp.close(net);
    });
    check(
        &frames,
        &[&fetched, &put, &small],
        expect![[r#"
        smb download \\PANEL\recipes\out\log.bin 10.20.7.2→10.20.7.1 9000/9000 5645a81c data - ok (-)
        smb upload \\PANEL\recipes\fw.bin 10.20.7.1→10.20.7.2 700/7000 - data - ok (-)
        smb upload \\PANEL\recipes\fw.bin 10.20.7.1→10.20.7.2 7000/7000 cd9447b7 data - ok (-)
        smb upload \\PANEL\recipes\note.dat 10.20.7.1→10.20.7.2 700/700 1d44efe0 data - ok (-)
    "#]],
    );
}

#[test]
fn what_was_written_twice_has_no_hash() {
    let id = [1; 16];
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 445);
        for (ask, answer) in [
            (
                smb(5, 1, false, create("tool.exe")),
                smb(5, 1, true, created(id, 0)),
            ),
            (
                smb(9, 2, false, write(id, 0, &content(600))),
                smb(9, 2, true, vec![17, 0, 0, 0]),
            ),
            (
                smb(9, 3, false, write(id, 0, &content(64))),
                smb(9, 3, true, vec![17, 0, 0, 0]),
            ),
        ] {
            tcp.exchange(net, &session(&[ask]), &session(&[answer]));
        }
        tcp.close(net);
    });
    check(
        &frames,
        &[],
        expect![[r#"
            smb upload tool.exe 10.20.7.1→10.20.7.2 600/? - data - ok (parts were written twice)
        "#]],
    );
}

#[test]
fn smb_tells_a_write_refused_in_a_compound_as_refused_and_what_goes_through_a_pipe_not_at_all() {
    let (all, id) = ([0xff; 16], [7; 16]);
    let related = |it: Smb| Smb {
        related: true,
        ..it
    };
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 445);
        // STATUS_DISK_FULL ([MS-ERREF] 2.3.1).
        let refused = Smb {
            status: 0xc000_007f,
            ..related(smb(9, 2, true, vec![9, 0, 0, 0, 0, 0, 0, 0]))
        };
        let closed = [&[60, 0, 0, 0][..], &[0; 56]].concat();
        tcp.exchange(
            net,
            &session(&[
                smb(5, 1, false, create("plan.dat")),
                related(smb(9, 2, false, write(all, 0, &content(700)))),
                related(smb(6, 3, false, close(all))),
            ]),
            &session(&[
                smb(5, 1, true, created(id, 0)),
                refused,
                related(smb(6, 3, true, closed)),
            ]),
        );
        // SMB2_SHARE_TYPE_PIPE ([MS-SMB2] 2.2.10).
        let pipes = [&[16, 0, 2, 0][..], &[0; 12]].concat();
        tcp.exchange(
            net,
            &session(&[smb(3, 4, false, connect(r"\\PANEL\IPC$"))]),
            &session(&[smb(3, 4, true, pipes)]),
        );
        tcp.exchange(
            net,
            &session(&[smb(9, 5, false, write([9; 16], 0, &content(100)))]),
            &session(&[smb(9, 5, true, vec![17, 0, 0, 0])]),
        );
        tcp.exchange(
            net,
            &session(&[smb(8, 6, false, ask_read([10; 16], 0, 100))]),
            &session(&[smb(8, 6, true, was_read(&content(100)))]),
        );
        // Opened and written in one.
        tcp.exchange(
            net,
            &session(&[
                smb(5, 7, false, create("srvsvc")),
                related(smb(9, 8, false, write(all, 0, &content(100)))),
            ]),
            &session(&[
                smb(5, 7, true, created([11; 16], 0)),
                related(smb(9, 8, true, vec![17, 0, 0, 0])),
            ]),
        );
        tcp.close(net);
    });
    check(
        &frames,
        &[],
        expect![[r#"
        smb upload plan.dat 10.20.7.1→10.20.7.2 700/700 - data - refused (-)
    "#]],
    );
}

/// What the server says comes after the second file: both were put.
#[test]
fn http_tells_each_file_that_was_put_before_the_first_answer_came() {
    let (one, two) = (content(300), content(400));
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 80);
        let put = |name: &str, content: &[u8]| {
            let head = format!(
                "PUT /{name} HTTP/1.1\r\nHost: p\r\nContent-Length: {}\r\n\r\n",
                content.len()
            );
            [head.as_bytes(), content].concat()
        };
        // The one without content puts nothing: its answer is not that of a file.
        let empty = b"POST /go HTTP/1.1\r\nHost: p\r\nContent-Length: 0\r\n\r\n".to_vec();
        tcp.send(
            net,
            Side::Client,
            &[empty, put("one.bin", &one), put("two.bin", &two)].concat(),
        );
        tcp.send(
            net,
            Side::Server,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n\
              HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        );
        tcp.close(net);
    });
    let facts = read(&frames);
    let said: Vec<_> = facts
        .carried_files
        .iter()
        .map(|file| (file.name.as_deref(), file.outcome, file.complete))
        .collect();
    assert_eq!(
        said,
        [
            (Some("one.bin"), Some(Outcome::Refused), true),
            (Some("two.bin"), Some(Outcome::Ok), true),
        ]
    );
}

#[test]
fn http_counts_the_files_of_a_form_that_it_does_not_tell_and_the_bytes_of_a_part_that_broke_off_not()
 {
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, 80);
        let part = |nth: usize| {
            format!(
                "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{nth}.bin\"\r\n\r\nx\r\n"
            )
        };
        let body: String = (0..67).map(part).chain(["--B--\r\n".to_owned()]).collect();
        let head = format!(
            "POST /load HTTP/1.1\r\nHost: p\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        tcp.exchange(
            net,
            format!("{head}{body}").as_bytes(),
            b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        );
        tcp.exchange(
            net,
            b"GET /fw.img HTTP/1.1\r\nHost: p\r\nRange: bytes=0-999\r\n\r\n",
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/5000\r\nContent-Length: 1000\r\n\r\nbroken",
        );
        tcp.close(net);
    });
    let picture = observed(&frames, usize::MAX);
    let left_out: Vec<_> = picture.left_out().collect();
    assert_eq!(left_out, [("files of forms", 3)]);
    let facts = picture.into_facts(vec!["test.pcap".to_owned()]);
    assert_eq!(
        facts.carried_files.iter().filter(|file| !file.page).count(),
        64 + 1
    );
    let part = facts
        .operations
        .iter()
        .find(|one| one.object.as_deref() == Some("/fw.img"))
        .unwrap();
    assert_eq!(part.content_bytes, None, "not all of them came");
}
