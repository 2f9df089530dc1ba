//! `workshop-dashboard healthcheck`: whether the dashboard of this container answers, for a container engine to ask.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a dashboard on the same machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the dashboard that listens there for `/healthz`.
///
/// # Errors
/// It does not answer with 200.
pub fn healthcheck(listen: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&own(listen), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if status == *b"HTTP/1.1 200" {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&status).into_owned()))
}

/// Where who listens there is reached from the same machine.
fn own(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}
