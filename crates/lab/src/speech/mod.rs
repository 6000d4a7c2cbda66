//! Speech: what clients and servers say, one file per protocol, right to the byte.
//!
//! Each recipe says both sides of a conversation and notes in the network's log what was done, so that the truth of a
//! scenario is written by the same hand as its packets.
pub mod anydesk;
pub mod der;
pub mod dhcp;
pub mod dns;
pub mod enip;
pub mod ftp;
pub mod http;
pub mod link;
pub mod modbus;
pub mod ntp;
pub mod opcua;
pub mod profinet;
pub mod rdp;
pub mod rtsp;
pub mod s7comm;
pub mod smb;
pub mod snmp;
pub mod ssh;
pub mod teamviewer;
pub mod telnet;
pub mod tftp;
pub mod tls;
pub mod vnc;
pub mod websocket;
