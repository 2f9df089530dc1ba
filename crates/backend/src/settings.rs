//! The backend's settings: variables of its environment, or flags.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use workshop_events::SwitchKind;

use workshop_edge::Token;

use crate::check;
use crate::workspace::Switch;

/// Everything that can be set. An empty variable counts as not set.
#[derive(Args, Clone)]
pub struct Settings {
    /// The compiled workshop.
    #[arg(long, env = "WORKSHOP_DIR", value_name = "FOLDER", default_value = "/workshop")]
    pub artifact: PathBuf,
    /// The log volume.
    #[arg(long, env = "WORKSHOP_RUNTIME_DIR", value_name = "FOLDER", default_value = "/workshop/runtime")]
    pub runtime: PathBuf,
    /// Where to serve. In an image on all addresses, elsewhere on the loopback one.
    #[arg(long, env = "WORKSHOP_LISTEN", value_name = "ADDRESS", default_value = default_listen(), value_parser = listen)]
    pub listen: SocketAddr,
    /// The step whose image this is; its build sets it.
    #[arg(long, env = "WORKSHOP_IMAGE_STEP", value_name = "STEP")]
    pub image_step: Option<String>,
    /// The request that this container was started for.
    #[arg(long, env = "WORKSHOP_SWITCH", value_name = "REQUEST:KIND:STEP", value_parser = switch)]
    pub switch: Option<Switch>,
    /// The shell of the terminals.
    #[arg(long, env = "WORKSHOP_SHELL", value_name = "PROGRAM", default_value = "/bin/bash")]
    pub shell: String,
    /// The user that shells and checks run as, if the backend is root.
    #[arg(long, env = "WORKSHOP_SHELL_USER", value_name = "USER", default_value = "student")]
    pub shell_user: String,
    /// The folder of a sandbox, in which shells and checks then run.
    #[arg(long, env = "WORKSHOP_SANDBOX", value_name = "FOLDER")]
    pub sandbox: Option<PathBuf>,
    /// The program that checks. It is never looked for: who decides where to look would decide what checks.
    #[arg(long, env = "WORKSHOP_GOSS", value_name = "PROGRAM", default_value = check::IN_IMAGE, value_parser = program)]
    pub goss: PathBuf,
    /// The student's token, needed for all of /api and /ws if it is set. Tokens belong in the environment: everyone on
    /// the machine can read a command line.
    #[arg(long, env = "WORKSHOP_ACCESS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub access_token: Option<String>,
    /// The instructor's token; without one there is no instructor API.
    #[arg(long, env = "WORKSHOP_INSTRUCTOR_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub instructor_token: Option<String>,
    /// The supervisor's token; without one nobody swaps images, and a switch answers with the host's command.
    #[arg(long, env = "WORKSHOP_SUPERVISOR_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub supervisor_token: Option<String>,
    /// Names by which browsers reach the workspace, besides the loopback ones. Needs an access token.
    #[arg(long, env = "WORKSHOP_ALLOWED_HOSTS", value_name = "HOSTS", value_delimiter = ',', value_parser = host)]
    pub allowed_hosts: Vec<String>,
    /// How often the active step is checked for the instructor, such as 30s or 5m.
    #[arg(long, env = "WORKSHOP_GOSS_INTERVAL", value_name = "TIME", default_value = "off", value_parser = interval)]
    pub goss_interval: Interval,
    /// How much the backend says, as tracing-subscriber's filter has it. It is not RUST_LOG, which in an image may be the
    /// author's, for the students' programs.
    #[arg(long, env = "WORKSHOP_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// A recording ends at this size, such as 64MiB; 0 is no limit.
    #[arg(long, env = "WORKSHOP_CAST_LIMIT", value_name = "BYTES", default_value = "64MiB", value_parser = bytes)]
    pub cast_limit: u64,
}

/// How often something is done; `None`: never.
pub type Interval = Option<Duration>;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Settings {
    /// Checks what concerns several settings, or must not be shown; adds the loopback names to the allowed ones.
    ///
    /// # Errors
    /// Says which setting cannot be used, and what it should be.
    pub fn checked(mut self) -> Result<Self, String> {
        let tokens = [
            ("WORKSHOP_ACCESS_TOKEN", &self.access_token),
            ("WORKSHOP_INSTRUCTOR_TOKEN", &self.instructor_token),
            ("WORKSHOP_SUPERVISOR_TOKEN", &self.supervisor_token),
        ];
        let mut seen: Vec<&str> = Vec::new();
        for (name, token) in tokens.into_iter().filter_map(|(name, token)| Some((name, token.as_deref()?))) {
            if !Token::is_well_formed(token) {
                return Err(format!("{name} {}", Token::FORM));
            }
            if seen.contains(&token) {
                return Err(format!("{name} must differ from the other tokens: a token decides the role"));
            }
            seen.push(token);
        }
        let foreign = self.allowed_hosts.iter().find(|host| !host.is_empty() && !is_loopback(host));
        if let (Some(host), None) = (foreign, &self.access_token) {
            return Err(format!(
                "WORKSHOP_ALLOWED_HOSTS names {host:?}: more than loopback names needs WORKSHOP_ACCESS_TOKEN"
            ));
        }
        let mut hosts: Vec<String> = LOOPBACK.map(ToOwned::to_owned).to_vec();
        for host in self.allowed_hosts {
            if !host.is_empty() && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        self.allowed_hosts = hosts;
        Ok(self)
    }

    /// Whether anyone who can reach the address may use the workspace.
    pub fn is_open(&self) -> bool {
        self.access_token.is_none() && !self.listen.ip().is_loopback()
    }
}

fn default_listen() -> &'static str {
    if Path::new("/workshop/workshop.json").exists() { "0.0.0.0:8080" } else { "127.0.0.1:8080" }
}

fn listen(value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| "set WORKSHOP_LISTEN to an address such as 127.0.0.1:8080".to_owned())
}

fn program(value: &str) -> Result<PathBuf, String> {
    let path = Path::new(value);
    if path.is_absolute() { Ok(path.into()) } else { Err("set WORKSHOP_GOSS to an absolute path".to_owned()) }
}

fn switch(value: &str) -> Result<Switch, String> {
    let parts: Vec<&str> = value.splitn(3, ':').collect();
    let [request, kind, step] = *parts else {
        return Err("set WORKSHOP_SWITCH to <request>:<kind>:<step>".to_owned());
    };
    if !is_word(request) || !is_word(step) {
        return Err("request and step of WORKSHOP_SWITCH have 1 to 63 of a-z, 0-9 and -".to_owned());
    }
    let kind = SwitchKind::parse(kind).ok_or("the kind in WORKSHOP_SWITCH must be switch or reset")?;
    Ok(Switch { request: request.to_owned(), kind, step: step.to_owned() })
}

fn is_word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(plain)
}

/// A host's name in lower case, without its port; empty where there is none between two commas.
fn host(value: &str) -> Result<String, String> {
    let host = value.trim().to_ascii_lowercase();
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
    let has_port = !host.starts_with('[') && host.contains(':');
    if plain && !has_port {
        Ok(host)
    } else {
        Err("set WORKSHOP_ALLOWED_HOSTS to names without ports, separated by commas".to_owned())
    }
}

fn is_loopback(host: &str) -> bool {
    LOOPBACK.contains(&host)
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn interval(value: &str) -> Result<Interval, String> {
    if matches!(value, "0" | "off") {
        return Ok(None);
    }
    let seconds = value.parse().map(Duration::from_secs);
    let interval = seconds.ok().or_else(|| humantime::parse_duration(value).ok());
    let usable = |interval: &Duration| (1..=86_400).contains(&interval.as_secs());
    match interval.filter(usable) {
        Some(interval) => Ok(Some(interval)),
        None => Err("set WORKSHOP_GOSS_INTERVAL to a time from 1s to 24h, or off".to_owned()),
    }
}

fn bytes(value: &str) -> Result<u64, String> {
    let size = value.parse::<bytesize::ByteSize>();
    size.map(|size| size.as_u64())
        .map_err(|_| "set WORKSHOP_CAST_LIMIT to bytes, such as 67108864 or 64MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        settings: Settings,
    }

    fn read(flags: &[&str]) -> Result<Settings, String> {
        let program = Program::try_parse_from(["workshop-backend"].iter().chain(flags));
        program.map_err(|error| error.to_string()).and_then(|program| program.settings.checked())
    }

    #[test]
    fn defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.allowed_hosts, LOOPBACK);
        assert_eq!(settings.goss, Path::new("/usr/local/bin/goss"));
        assert_eq!(settings.cast_limit, 64 << 20);
        assert!(settings.switch.is_none() && settings.goss_interval.is_none() && !settings.is_open());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let check = |flag: &str, expected: &str| {
            let error = read(&[flag]).err().unwrap();
            assert!(error.contains(expected), "{flag}: {error}");
        };
        check("--listen=8080", "set WORKSHOP_LISTEN to an address such as 127.0.0.1:8080");
        check("--goss=bin/goss", "set WORKSHOP_GOSS to an absolute path");
        check("--switch=a:b", "'a:b' for '--switch <REQUEST:KIND:STEP>'");
        check("--switch=a:go:b", "the kind in WORKSHOP_SWITCH must be switch or reset");
        check("--switch=a:reset:../b", "request and step of WORKSHOP_SWITCH");
        check("--allowed-hosts=class.example", "needs WORKSHOP_ACCESS_TOKEN");
        check("--allowed-hosts=localhost:8080", "names without ports");
        for wrong in ["soon", "100ms", "2days", "-5", ""] {
            check(&format!("--goss-interval={wrong}"), "set WORKSHOP_GOSS_INTERVAL to a time from 1s to 24h");
        }
        check("--cast-limit=much", "set WORKSHOP_CAST_LIMIT to bytes");
        let short = "sixteen-is-more";
        let error = read(&[&format!("--access-token={short}")]).err().unwrap();
        assert!(error.contains("WORKSHOP_ACCESS_TOKEN must have at least 16"), "{error}");
        assert!(!error.contains(short), "a token is never shown");
    }

    #[test]
    fn what_can_be_used() {
        let token = "--access-token=0123456789abcdef";
        let settings = read(&[
            token,
            "--allowed-hosts=Class.example, [::1],",
            "--switch=1a2b:reset:step-2",
            "--goss-interval=2m",
            "--cast-limit=1MiB",
        ])
        .unwrap();
        assert_eq!(settings.allowed_hosts, ["localhost", "127.0.0.1", "[::1]", "class.example"]);
        assert_eq!(settings.goss_interval, Some(Duration::from_secs(120)));
        assert_eq!(settings.cast_limit, 1 << 20);
        let switch = settings.switch.unwrap();
        assert_eq!(
            (switch.request.as_str(), switch.kind, switch.step.as_str()),
            ("1a2b", SwitchKind::Reset, "step-2")
        );
        assert_eq!(read(&["--goss-interval=90"]).unwrap().goss_interval, Some(Duration::from_secs(90)));
        let twice = read(&[token, "--instructor-token=0123456789abcdef"]);
        assert!(twice.err().unwrap().contains("WORKSHOP_INSTRUCTOR_TOKEN must differ"));
    }

    /// Images and pods set variables.
    #[test]
    fn each_flag_has_a_variable() {
        let command = <Program as clap::CommandFactory>::command();
        let without = command
            .get_arguments()
            .filter(|flag| flag.get_env().is_none())
            .map(|flag| flag.get_id().as_str());
        assert_eq!(without.collect::<Vec<_>>(), [""; 0]);
    }
}
