//! Names to addresses without the image's name service: `/etc/hosts`, then the nameservers of `/etc/resolv.conf`, where
//! container networks keep their names. A static glibc would load the modules that the image's `nsswitch.conf` names, and
//! die of those that belong to another glibc: `docs/decisions/own-name-resolution.md`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, TYPE, rdata::RData};

/// How long a nameserver may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer without extensions; what an answer lacks for its size is not missed here.
const LARGEST: usize = 512;

/// What the files of this machine say about names.
#[derive(Debug, Default)]
pub(super) struct Names {
    hosts: Vec<(IpAddr, Vec<String>)>,
    servers: Vec<SocketAddr>,
    search: Vec<String>,
}

impl Names {
    /// Reads the texts of a `hosts` and a `resolv.conf` file. Lines that say nothing are skipped.
    pub(super) fn new(hosts: &str, resolv: &str) -> Self {
        let mut names = Self::default();
        for line in hosts.lines() {
            let mut words = words(line);
            if let Some(address) = words.next().and_then(literal) {
                names.hosts.push((address, words.map(str::to_ascii_lowercase).collect()));
            }
        }
        for line in resolv.lines() {
            let mut words = words(line);
            match words.next() {
                Some("nameserver") => {
                    names.servers.extend(words.next().and_then(literal).map(|ip| SocketAddr::new(ip, 53)));
                }
                // The last of them counts.
                Some("search" | "domain") => names.search = words.map(ToOwned::to_owned).collect(),
                _ => {}
            }
        }
        names
    }

    /// The addresses of a host; none when nobody knows the name.
    ///
    /// # Errors
    /// No nameserver answered, or the name is not one.
    pub(super) fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(address) = literal(host) {
            return Ok(vec![address]);
        }
        let lower = host.to_ascii_lowercase();
        let known: Vec<IpAddr> = self
            .hosts
            .iter()
            .filter(|(_, names)| names.contains(&lower))
            .map(|(address, _)| *address)
            .collect();
        if !known.is_empty() {
            return Ok(known);
        }
        if lower == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        self.ask(host)
    }

    /// Asks for the name as it is and below each searched domain; the first that is known counts.
    fn ask(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut last = io::Error::other("no nameserver in /etc/resolv.conf");
        let searched = self.search.iter().filter(|_| !host.ends_with('.'));
        let names = std::iter::once(host.to_owned()).chain(searched.map(|domain| format!("{host}.{domain}")));
        let mut answered = false;
        for name in names {
            let name = name.trim_end_matches('.');
            for server in &self.servers {
                match ask_one(*server, name) {
                    Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
                    Ok(_) => answered = true,
                    Err(error) => last = io::Error::new(error.kind(), format!("{server}: {error}")),
                }
            }
        }
        if answered { Ok(Vec::new()) } else { Err(last) }
    }
}

/// Whether `text` is an address, with no name to ask for.
fn literal(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// The words of a line without its comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(['#', ';']).next().unwrap_or_default().split_whitespace()
}

/// What one nameserver says: IPv4 first, for that is what container networks have.
fn ask_one(server: SocketAddr, name: &str) -> io::Result<Vec<IpAddr>> {
    let own: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((own, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut addresses = query(&socket, name, TYPE::A)?;
    if addresses.is_empty() {
        addresses = query(&socket, name, TYPE::AAAA)?;
    }
    Ok(addresses)
}

fn query(socket: &UdpSocket, name: &str, kind: TYPE) -> io::Result<Vec<IpAddr>> {
    let broken = |error| io::Error::other(format!("{error:?}"));
    let id = getrandom::u32().map_err(io::Error::other)? as u16;
    let mut question = Packet::new_query(id);
    question.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "no host has such a name"))?;
    question.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    socket.send(&question.build_bytes_vec().map_err(broken)?)?;
    let mut buffer = [0; LARGEST];
    loop {
        let length = socket.recv(&mut buffer)?;
        let Ok(answer) = Packet::parse(&buffer[..length]) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        // An answer to a question asked before, which had been given up.
        if answer.id() != id || !answer.has_flags(PacketFlag::RESPONSE) {
            continue;
        }
        let address = |data: &RData<'_>| match data {
            RData::A(record) => Some(IpAddr::from(Ipv4Addr::from_bits(record.address))),
            RData::AAAA(record) => Some(IpAddr::from(Ipv6Addr::from_bits(record.address))),
            _ => None,
        };
        return Ok(answer.answers.iter().filter_map(|record| address(&record.rdata)).collect());
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use simple_dns::{QTYPE, ResourceRecord, rdata::A};

    use super::*;

    const HOSTS: &str = "127.0.0.1 localhost\n# a comment\n10.0.0.2\tDB db.internal # the database\n\
        10.0.0.3 db\nnot-an-address name\n::1 six\n";

    #[test]
    fn names_of_the_hosts_file_need_no_server() {
        let names = Names::new(HOSTS, "");
        let check = |host: &str, expected: &[&str]| {
            let found: Vec<String> = names.addresses(host).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{host}");
        };
        check("db", &["10.0.0.2", "10.0.0.3"]);
        check("db.INTERNAL", &["10.0.0.2"]);
        check("six", &["::1"]);
        check("localhost", &["127.0.0.1"]);
        check("192.0.2.1", &["192.0.2.1"]);
        assert!(names.addresses("name").is_err(), "there is nobody to ask");
        assert!(names.addresses("#").is_err());
    }

    #[test]
    fn a_resolver_file_names_servers_and_domains() {
        let names = Names::new(
            "",
            "# made by the engine\nsearch old\nnameserver 10.89.0.1\nnameserver nonsense\nnameserver fd00::1 # second\n\
             search dns.podman example\noptions ndots:0\n",
        );
        let servers: Vec<String> = names.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.89.0.1:53", "[fd00::1]:53"]);
        assert_eq!(names.search, ["dns.podman", "example"]);
    }

    /// Answers like the nameserver of a container network: `db.net` has an address, and nothing else is known.
    fn nameserver() -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; LARGEST];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                let question = Packet::parse(&buffer[..length]).unwrap();
                let asked = &question.questions[0];
                let mut answer = Packet::new_reply(question.id());
                if asked.qname.to_string() == "db.net" && asked.qtype == QTYPE::TYPE(TYPE::A) {
                    let data = RData::A(A { address: Ipv4Addr::new(10, 89, 0, 5).to_bits() });
                    answer.answers.push(ResourceRecord::new(asked.qname.clone(), CLASS::IN, 60, data));
                }
                // A stray answer first: it is for another question.
                let stray = Packet::new_reply(question.id().wrapping_add(1)).build_bytes_vec().unwrap();
                socket.send_to(&stray, from).unwrap();
                socket.send_to(&answer.build_bytes_vec().unwrap(), from).unwrap();
            }
        });
        address
    }

    #[test]
    fn other_names_are_asked_for_as_they_are_and_below_the_domains() {
        let mut names = Names::new(HOSTS, "search other net\n");
        names.servers.push(nameserver());
        let expected: Vec<IpAddr> = vec![Ipv4Addr::new(10, 89, 0, 5).into()];
        assert_eq!(names.addresses("db.net").unwrap(), expected);
        names.hosts.clear();
        assert_eq!(names.addresses("db").unwrap(), expected);
        assert!(names.addresses("db.").unwrap().is_empty(), "a dot at the end: no domain is searched");
        assert!(names.addresses("nobody").unwrap().is_empty());
        assert!(names.addresses(&"a".repeat(64)).is_err(), "a label that long cannot be asked for");
    }
}
