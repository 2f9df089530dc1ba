//! The backend's settings, from its environment.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use workshop_events::SwitchKind;

use crate::workspace::Switch;

/// Everything that the environment decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// The artifact: `WORKSHOP_DIR`.
    pub artifact: PathBuf,
    /// The log volume: `WORKSHOP_RUNTIME_DIR`.
    pub runtime: PathBuf,
    /// `WORKSHOP_LISTEN`.
    pub listen: SocketAddr,
    /// `WORKSHOP_IMAGE_STEP`.
    pub image_step: Option<String>,
    /// `WORKSHOP_SWITCH`.
    pub switch: Option<Switch>,
    /// `WORKSHOP_SHELL`.
    pub shell: String,
    /// `WORKSHOP_SHELL_USER`.
    pub shell_user: String,
    /// `WORKSHOP_SANDBOX`.
    pub sandbox: Option<PathBuf>,
    /// `WORKSHOP_ACCESS_TOKEN`.
    pub access_token: Option<String>,
    /// `WORKSHOP_INSTRUCTOR_TOKEN`.
    pub instructor_token: Option<String>,
    /// `WORKSHOP_SUPERVISOR_TOKEN`.
    pub supervisor_token: Option<String>,
    /// `WORKSHOP_ALLOWED_HOSTS` and the loopback names, in lower case, without ports.
    pub allowed_hosts: Vec<String>,
    /// `WORKSHOP_GOSS_INTERVAL`.
    pub goss_interval: Option<Duration>,
    /// `WORKSHOP_CAST_LIMIT`, bytes; 0 for none.
    pub cast_limit: u64,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name}={value:?}: {problem}")]
pub struct ConfigError {
    name: String,
    value: String,
    problem: String,
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
const CAST_LIMIT: u64 = 64 * 1024 * 1024;

impl Config {
    /// Reads the settings from `environment`. `in_image`: whether the artifact stands where an image has it.
    ///
    /// # Errors
    /// Names the variable, its value and what it should be.
    pub fn read(
        environment: impl IntoIterator<Item = (String, String)>,
        in_image: bool,
    ) -> Result<Self, ConfigError> {
        let settings = Settings(environment.into_iter().filter(|(_, value)| !value.is_empty()).collect());
        let default_listen = if in_image { "0.0.0.0:8080" } else { "127.0.0.1:8080" };
        let access_token = settings.token("WORKSHOP_ACCESS_TOKEN")?;
        let config = Self {
            artifact: settings.text("WORKSHOP_DIR").unwrap_or("/workshop").into(),
            runtime: settings.text("WORKSHOP_RUNTIME_DIR").unwrap_or("/workshop/runtime").into(),
            listen: settings.parse("WORKSHOP_LISTEN", default_listen, "an address such as 127.0.0.1:8080")?,
            image_step: settings.text("WORKSHOP_IMAGE_STEP").map(ToOwned::to_owned),
            switch: settings.switch()?,
            shell: settings.text("WORKSHOP_SHELL").unwrap_or("/bin/bash").to_owned(),
            shell_user: settings.text("WORKSHOP_SHELL_USER").unwrap_or("student").to_owned(),
            sandbox: settings.text("WORKSHOP_SANDBOX").map(PathBuf::from),
            allowed_hosts: settings.hosts(access_token.is_some())?,
            access_token,
            instructor_token: settings.token("WORKSHOP_INSTRUCTOR_TOKEN")?,
            supervisor_token: settings.token("WORKSHOP_SUPERVISOR_TOKEN")?,
            goss_interval: settings.interval()?,
            cast_limit: settings.bytes("WORKSHOP_CAST_LIMIT", CAST_LIMIT)?,
        };
        let tokens = [&config.access_token, &config.instructor_token, &config.supervisor_token];
        let mut set: Vec<&String> = tokens.into_iter().flatten().collect();
        set.sort();
        if set.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(error("WORKSHOP_*_TOKEN", "…", "each token must be another: it decides the role"));
        }
        Ok(config)
    }

    /// Whether anyone who can reach the address may use the workspace.
    pub fn is_open(&self) -> bool {
        self.access_token.is_none() && !self.listen.ip().is_loopback()
    }
}

fn error(name: &str, value: &str, problem: &str) -> ConfigError {
    ConfigError { name: name.to_owned(), value: value.to_owned(), problem: problem.to_owned() }
}

struct Settings(BTreeMap<String, String>);

impl Settings {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn parse<T: std::str::FromStr>(
        &self,
        name: &str,
        default: &str,
        expected: &str,
    ) -> Result<T, ConfigError> {
        let value = self.text(name).unwrap_or(default);
        value.parse().map_err(|_| error(name, value, &format!("expected {expected}")))
    }

    /// A token is sent in a header and in a fragment, so it is plain ASCII; a short one could be guessed.
    fn token(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let Some(token) = self.text(name) else { return Ok(None) };
        let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
        if token.len() < 16 || !plain {
            let problem = "expected at least 16 letters, digits or any of -._~+/=";
            return Err(error(name, "…", problem));
        }
        Ok(Some(token.to_owned()))
    }

    fn switch(&self) -> Result<Option<Switch>, ConfigError> {
        const NAME: &str = "WORKSHOP_SWITCH";
        let Some(value) = self.text(NAME) else { return Ok(None) };
        let parts: Vec<&str> = value.splitn(3, ':').collect();
        match *parts {
            [request, word, step] if is_word(request) && is_word(step) => match SwitchKind::parse(word) {
                Some(kind) => Ok(Some(Switch { request: request.to_owned(), kind, step: step.to_owned() })),
                None => Err(error(NAME, value, "the kind must be switch or reset")),
            },
            _ => Err(error(NAME, value, "expected <request>:<kind>:<step>")),
        }
    }

    fn hosts(&self, has_access_token: bool) -> Result<Vec<String>, ConfigError> {
        const NAME: &str = "WORKSHOP_ALLOWED_HOSTS";
        let mut hosts: Vec<String> = LOOPBACK.map(ToOwned::to_owned).to_vec();
        let value = self.text(NAME).unwrap_or_default();
        for host in value.split(',').map(str::trim).filter(|h| !h.is_empty()) {
            let host = host.to_ascii_lowercase();
            let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
            let has_port = !host.starts_with('[') && host.contains(':');
            if !plain || has_port {
                return Err(error(NAME, value, "expected host names without ports, separated by commas"));
            }
            let loopback = LOOPBACK.contains(&host.as_str())
                || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            if !loopback && !has_access_token {
                return Err(error(NAME, value, "more than loopback names needs WORKSHOP_ACCESS_TOKEN"));
            }
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Ok(hosts)
    }

    fn interval(&self) -> Result<Option<Duration>, ConfigError> {
        const NAME: &str = "WORKSHOP_GOSS_INTERVAL";
        let Some(value) = self.text(NAME) else { return Ok(None) };
        if matches!(value, "0" | "off") {
            return Ok(None);
        }
        let (number, unit) = match value.strip_suffix('m') {
            Some(number) => (number, 60),
            None => (value.strip_suffix('s').unwrap_or(value), 1),
        };
        match number.parse::<u64>() {
            Ok(n) if (1..=86_400).contains(&(n.saturating_mul(unit))) => {
                Ok(Some(Duration::from_secs(n * unit)))
            }
            _ => Err(error(NAME, value, "expected seconds such as 30s, minutes such as 5m, or off")),
        }
    }

    fn bytes(&self, name: &str, default: u64) -> Result<u64, ConfigError> {
        let Some(value) = self.text(name) else { return Ok(default) };
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1u64)];
        units
            .iter()
            .find_map(|(unit, factor)| {
                let number = value.strip_suffix(unit)?.trim().parse::<u64>().ok()?;
                number.checked_mul(*factor)
            })
            .ok_or_else(|| error(name, value, "expected bytes, such as 67108864 or 64MiB"))
    }
}

fn is_word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Config::read(pairs, false).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.allowed_hosts, LOOPBACK);
        assert_eq!(config.cast_limit, CAST_LIMIT);
        assert!(config.switch.is_none() && config.goss_interval.is_none() && !config.is_open());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let check = |name: &str, value: &str, expected: &str| {
            assert_eq!(read(&[(name, value)]).unwrap_err(), expected);
        };
        check(
            "WORKSHOP_LISTEN",
            "8080",
            r#"WORKSHOP_LISTEN="8080": expected an address such as 127.0.0.1:8080"#,
        );
        check("WORKSHOP_SWITCH", "a:b", r#"WORKSHOP_SWITCH="a:b": expected <request>:<kind>:<step>"#);
        check("WORKSHOP_SWITCH", "a:go:b", r#"WORKSHOP_SWITCH="a:go:b": the kind must be switch or reset"#);
        check(
            "WORKSHOP_SWITCH",
            "a:reset:../b",
            r#"WORKSHOP_SWITCH="a:reset:../b": expected <request>:<kind>:<step>"#,
        );
        check(
            "WORKSHOP_ALLOWED_HOSTS",
            "class.example",
            r#"WORKSHOP_ALLOWED_HOSTS="class.example": more than loopback names needs WORKSHOP_ACCESS_TOKEN"#,
        );
        check(
            "WORKSHOP_GOSS_INTERVAL",
            "soon",
            r#"WORKSHOP_GOSS_INTERVAL="soon": expected seconds such as 30s, minutes such as 5m, or off"#,
        );
        check(
            "WORKSHOP_CAST_LIMIT",
            "much",
            r#"WORKSHOP_CAST_LIMIT="much": expected bytes, such as 67108864 or 64MiB"#,
        );
        // A token is never shown.
        check(
            "WORKSHOP_ACCESS_TOKEN",
            "short",
            r#"WORKSHOP_ACCESS_TOKEN="…": expected at least 16 letters, digits or any of -._~+/="#,
        );
    }

    #[test]
    fn what_can_be_used() {
        let token = "0123456789abcdef";
        let config = read(&[
            ("WORKSHOP_ACCESS_TOKEN", token),
            ("WORKSHOP_ALLOWED_HOSTS", "Class.example, [::1]"),
            ("WORKSHOP_SWITCH", "1a2b:reset:step-2"),
            ("WORKSHOP_GOSS_INTERVAL", "2m"),
            ("WORKSHOP_CAST_LIMIT", "1MiB"),
        ])
        .unwrap();
        assert_eq!(config.allowed_hosts, ["localhost", "127.0.0.1", "[::1]", "class.example"]);
        assert_eq!(config.goss_interval, Some(Duration::from_secs(120)));
        assert_eq!(config.cast_limit, 1 << 20);
        let switch = config.switch.unwrap();
        assert_eq!(
            (switch.request.as_str(), switch.kind, switch.step.as_str()),
            ("1a2b", SwitchKind::Reset, "step-2")
        );
        let twice = read(&[("WORKSHOP_ACCESS_TOKEN", token), ("WORKSHOP_INSTRUCTOR_TOKEN", token)]);
        assert!(twice.unwrap_err().contains("each token must be another"));
    }
}
