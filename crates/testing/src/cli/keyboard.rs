//! A student at the keyboard: the smallest client of a workspace's terminal.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

/// A page's WebSocket; the shell goes on when it is dropped.
pub struct Terminal(TcpStream);

const TEXT: u8 = 1;
const BINARY: u8 = 2;

impl Terminal {
    /// Opens the first terminal of the workspace on a port.
    pub fn open(port: u16, token: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let head = "GET /ws/terminal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        let mut terminal = Self(stream);
        let hello = json!({ "type": "hello", "token": token, "terminal": "main", "cols": 80, "rows": 24 });
        terminal.send(TEXT, hello.to_string().as_bytes());
        // Something is shown: the shell runs.
        terminal.0.read_exact(&mut [0]).unwrap();
        terminal
    }

    /// Types a line.
    pub fn enter(&mut self, line: &str) {
        self.send(BINARY, format!("{line}\r").as_bytes());
    }

    /// A frame, masked with zeros.
    fn send(&mut self, kind: u8, payload: &[u8]) {
        let length = u16::try_from(payload.len()).unwrap();
        let mut frame = vec![0x80 | kind, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.write_all(&frame).unwrap();
    }
}
