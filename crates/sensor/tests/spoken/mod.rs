//! Dialogues that neither the sample terminal nor the captures hold, written down: a port, and who says what in hex.
use wire::Side;
use wire::Side::{Client, Server};

/// Over TCP, by port.
pub const TCP: &[(u16, &[(Side, &str)])] = &[
    // Citrix: the greeting of ICA.
    (1494, &[(Server, "7f7f494341007f7f49434100")]),
    // Dameware, version 12.0.
    (
        6129,
        &[(
            Client,
            "30110000000000000000000000002840000000000000000000000000000000000000000000000000",
        )],
    ),
    // X11 without an authorisation.
    (
        6000,
        &[
            (Client, "6c000b000000000000000000"),
            (Server, "01000b0000000000"),
        ],
    ),
    // rlogin: op, root, xterm/38400.
    (
        513,
        &[(Client, "006f7000726f6f7400787465726d2f333834303000")],
    ),
    // SOCKS 5: methods, user and password, where to.
    (
        1080,
        &[
            (Client, "05020002"),
            (Server, "0502"),
            (Client, "01026f70027077"),
            (Server, "0100"),
            (Client, "050100030b6578616d706c652e6f726701bb"),
        ],
    ),
    // AMQP 0-9-1: header, Start with a product, Start-Ok with PLAIN.
    (
        5672,
        &[
            (Client, "414d515000000901"),
            (
                Server,
                "0100000000001a000a000a0009000000100770726f6475637453 00000003524d51ce",
            ),
            (
                Client,
                "01000000000019000a000b0000000005504c41494e00000006006f7000707700ce",
            ),
        ],
    ),
    // LDAP: a simple bind, refused; a root entry.
    (
        389,
        &[
            (Client, "3013020101600e0201030405636e3d6f7080027077"),
            (Server, "300c02010161070a013104000400"),
            (
                Server,
                "3022020102641d040030193017040b646e73486f73744e616d653108040364633104 0178",
            ),
        ],
    ),
    // DCE/RPC: a bind to the endpoint mapper; its answer, a tower that leads to port 49664.
    (
        135,
        &[
            (
                Client,
                "05000b03100000004800000001000000d016d01600000000010000000000 0100 0883afe11f5dc91191a408002b14a0fa\
                 03000000045d888aeb1cc9119fe808002b10486002000000",
            ),
            (
                Server,
                "0500020310000000300000000100000018000000 00000000 0100070200c200 01000904000a000002 0000000000000000",
            ),
        ],
    ),
    // SQL Server: prelogin and its answer without encryption.
    (
        1433,
        &[
            (Client, "1201001400000100000006 0006ff090000000000"),
            (
                Server,
                "0401001a00000100 00000b0006 0100110001 ff 0f0007d00000 02",
            ),
        ],
    ),
    // Dahua: a search answered by DHIP.
    (
        37777,
        &[(
            Server,
            "2000000044484950000000000000000022000000000000002200000000000000\
             7b22646576696365496e666f223a7b2253657269616c4e6f223a22354131227d7d20",
        )],
    ),
    // EDP of Digi: version, its answer, identity with a password, id of the device, server, password.
    (
        3197,
        &[
            (Client, "0004000400000002"),
            (Server, "00100000"),
            (
                Client,
                "004000028002004000118100000000000000000040 9dffff123456",
            ),
            (
                Client,
                "0040000f86000c656e3a2f2f6d2e65782e636f 0040000588 00027077",
            ),
        ],
    ),
    // OpenVPN without tls-auth: a reset, its answer, the begin of a client hello.
    (
        1194,
        &[
            (Client, "000e3801020304050607080000000000"),
            (
                Server,
                "001a40111213141516171801000000000102030405060708 00000000",
            ),
            (
                Client,
                "001c2001020304050607080000000001 160301004001 00003c0303010203040506",
            ),
        ],
    ),
];

/// Over UDP, by port.
pub const UDP: &[(u16, &[(Side, &str)])] = &[
    // Kerberos: TGS-REQ for cifs/srv by op; wrong password.
    (
        88,
        &[
            (
                Client,
                "6c473045a103020105a20302010ca4393037a00703050000000000a10f300da003020101a10630041b026f70\
                 a2031b0152a3163014a003020102a10d300b1b04636966731b03737276",
            ),
            (
                Server,
                "7e273025a003020105a10302011ea603020118a7031b0152a80f300da003020101a10630041b026f70",
            ),
        ],
    ),
    // SIP: a registration.
    (
        5060,
        &[(
            Client,
            "5245474953544552207369703a706278205349502f322e300d0a46726f6d3a203c7369703a323031407062783e0d0a0d0a",
        )],
    ),
    // RustDesk: number 123456789.
    (21116, &[(Client, "320d0a093132333435363738391001")]),
    // Tailscale: mark, key, nonce, sealed.
    (
        41641,
        &[(
            Client,
            "5453f09f92ac0101010101010101010101010101010101010101010101010101010101010101\
             020202020202020202020202020202020202020202020202030303030303030303030303030303030303",
        )],
    ),
    // ZeroTier: a greeting.
    (
        9993,
        &[(
            Client,
            "0102030405060708aabbccddee1122334455000000000000000000010c010a00000000000000000000112233445500",
        )],
    ),
    // Nebula: the first message.
    (
        4242,
        &[(
            Client,
            "100000000000000000000000000000010a2030313233343536373839303132333435363738393031323334353637",
        )],
    ),
    // IPFIX: a template set.
    (
        2055,
        &[(
            Client,
            "000a0020660000000000000100000000000200100100000200080004000c0004",
        )],
    ),
    // NetFlow 9: a template with its record behind it, options with a scope.
    (
        9995,
        &[(
            Client,
            "0009000300015f906920c5f80000000100000003 0000000c0100000100080004 01000008 0a090003\
             000100140101000400080001000400220002 00320002",
        )],
    ),
    // OpenVPN under tls-crypt.
    (
        1194,
        &[(
            Client,
            "3801020304050607080000000163cf4ff5b89824b0aa4e93c089c1e24af5443766b5cab18c23c17d51081eb196a229085eec179d0d88",
        )],
    ),
    // SoftEther: two elements of what a host says to the traversal service.
    (
        5004,
        &[(
            Client,
            "000000020000000a686f73745f6e616d65000000020000000100000004686d6937\
             000000076f70636f6465000000020000000100000009 6765745f746f6b656e",
        )],
    ),
    // sFlow 5 with one sample of four octets.
    (
        6343,
        &[(
            Client,
            "0000000500000001c0000201000000000000000100000001000000010000000100000004 00000000",
        )],
    ),
    // L2TP: SCCRQ of host lac.
    (
        1701,
        &[(
            Client,
            "c802001d000000000000000080080000000000018009000000076c6163",
        )],
    ),
    // Hikvision: an answer to a search.
    (
        37020,
        &[(
            Server,
            "3c3f786d6c2076657273696f6e3d22312e30223f3e3c50726f62654d617463683e3c446576696365534e3e583c2f446576696365534e3e\
             3c2f50726f62654d617463683e",
        )],
    ),
];

/// Bytes from hex; blanks do not count.
pub fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
