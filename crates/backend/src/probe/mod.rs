//! Questions asked from inside a container, each a command of its own: does the backend serve, do other services answer?
//! They need nothing of the image: neither `curl` nor a shell nor its name service.

mod names;

use std::{
    fs,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use names::Names;

/// How long a backend on the same machine may take to answer.
const HEALTH: Duration = Duration::from_secs(3);
/// How long one attempt to connect may take, and what lies between two.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);
/// Succeeds when the backend of this container, which listens on `listen`, answers 200 on `/healthz`.
pub fn healthcheck(listen: SocketAddr) -> ExitCode {
    match health(own_address(listen)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("the backend does not answer: {error}")),
    }
}

fn health(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH)?;
    stream.set_read_timeout(Some(HEALTH))?;
    stream.set_write_timeout(Some(HEALTH))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if status == *b"HTTP/1.1 200" {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&status).into_owned()))
}

/// Where a backend that listens on `listen` is reached from its own machine.
fn own_address(listen: SocketAddr) -> SocketAddr {
    let loopback: IpAddr =
        if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    if listen.ip().is_unspecified() { (loopback, listen.port()).into() } else { listen }
}

/// Succeeds once a TCP connection to each target was made; fails when the time is over, and names those that did not
/// answer.
pub fn reach(targets: &[Target], within: Duration) -> ExitCode {
    let names = Names::new(
        &fs::read_to_string("/etc/hosts").unwrap_or_default(),
        &fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
    );
    let deadline = Instant::now() + within;
    let silent: Vec<String> = thread::scope(|scope| {
        let waiting: Vec<_> =
            targets.iter().map(|target| (target, scope.spawn(|| target.wait(&names, deadline)))).collect();
        let outcome = |(target, thread): (&Target, thread::ScopedJoinHandle<'_, io::Result<()>>)| {
            let error = thread.join().unwrap_or_else(|_| Err(io::Error::other("gave up"))).err()?;
            Some(format!("{}:{} does not answer: {error}", target.host, target.port))
        };
        waiting.into_iter().filter_map(outcome).collect()
    });
    if silent.is_empty() { ExitCode::SUCCESS } else { fail(&silent.join("\n")) }
}

/// Reads the time that [`reach`] may take, in seconds.
///
/// # Errors
/// It is no such time.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    // A day: what is longer would overflow some clocks and help nobody.
    time.filter(|time| time.as_secs() <= 86_400).ok_or("expected seconds, 86400 at most".to_owned())
}

/// A port of a host that should take connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
}

impl Target {
    /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// It is no such text.
    pub fn read(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':').and_then(|(host, port)| {
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let port = port.parse().ok().filter(|port| *port != 0)?;
            (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
        });
        parts.ok_or("expected HOST:PORT".to_owned())
    }

    /// Tries until one address of the host takes a connection, or the time is over; then the last reason is told.
    fn wait(&self, names: &Names, deadline: Instant) -> io::Result<()> {
        loop {
            let error = match self.connect(names, deadline) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(error);
            }
            thread::sleep(PAUSE);
        }
    }

    fn connect(&self, names: &Names, deadline: Instant) -> io::Result<()> {
        let mut last = io::Error::other("the name has no address");
        for address in names.addresses(&self.host)? {
            match TcpStream::connect_timeout(&(address, self.port).into(), attempt(deadline)) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// How long the next attempt may take: also the last one gets a moment.
fn attempt(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).clamp(PAUSE, ATTEMPT)
}

#[allow(clippy::print_stderr, reason = "what was asked for on the command line is answered there")]
fn fail(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn target(host: &str, port: u16) -> Target {
        Target { host: host.to_owned(), port }
    }

    #[test]
    fn a_backend_is_asked_where_it_listens() {
        let check = |listen: &str, expected: &str| {
            assert_eq!(own_address(listen.parse().unwrap()).to_string(), expected, "{listen:?}");
        };
        check("0.0.0.0:80", "127.0.0.1:80");
        check("[::]:9000", "[::1]:9000");
        check("10.0.0.7:9000", "10.0.0.7:9000");
    }

    #[test]
    fn only_200_is_healthy() {
        let check = |answer: &'static str, healthy: bool| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let length = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                String::from_utf8_lossy(&request[..length]).into_owned()
            });
            assert_eq!(health(address).is_ok(), healthy, "{answer}");
            assert!(server.join().unwrap().starts_with("GET /healthz HTTP/1.1\r\n"));
        };
        check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
        check("HTTP/1.1 503 Service Unavailable\r\n\r\n", false);
        check("SSH-2.0-OpenSSH_9.2\r\n", false);
        check("", false);
    }

    #[test]
    fn the_command_line_names_hosts_ports_and_a_time() {
        assert_eq!(Target::read("db:5432"), Ok(target("db", 5432)));
        assert_eq!(Target::read("[::1]:80"), Ok(target("::1", 80)));
        assert_eq!(Target::read("10.0.0.1:81"), Ok(target("10.0.0.1", 81)));
        for wrong in ["", "db", "db:", "db:0", "db:70000", ":80"] {
            assert!(Target::read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "soon", "-1", "inf", "1e99", "86401"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn waits_for_a_port_that_opens_late() {
        let address = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            listener.local_addr().unwrap()
        };
        let names = Names::new("127.0.0.1 late\n", "");
        let late = target("late", address.port());
        let server = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            TcpListener::bind(address).unwrap().accept().unwrap();
        });
        late.wait(&names, Instant::now() + Duration::from_secs(30)).unwrap();
        server.join().unwrap();
        let refused = late.wait(&names, Instant::now()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
