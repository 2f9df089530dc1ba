//! What was found and what was expected, in the student's words.

use serde_json::Value;

use super::outcome::{Matched, Outcome};

/// The longest sentence in characters.
const MAX_SENTENCE: usize = 400;

/// The longest quoted text in characters.
const MAX_QUOTE: usize = 120;

/// The title of a test that its author gave none.
pub(super) fn title(outcome: &Outcome) -> String {
    let kind = match outcome.resource_type.as_str() {
        "DNS" => "name",
        "Addr" => "address",
        "HTTP" => "page",
        "KernelParam" => "kernel parameter",
        "Matching" => "value",
        other => &other.to_lowercase(),
    };
    // `key: /path` when the author named the path apart.
    let name = match outcome.resource_id.split_once(": ") {
        Some((_, path)) if outcome.resource_type == "File" => path,
        _ => &outcome.resource_id,
    };
    shortened(&format!("{kind} {name} {}", label(&outcome.property)))
}

/// What was found.
pub(super) fn found(outcome: &Outcome) -> String {
    if let Some(error) = &outcome.err {
        return trouble(error);
    }
    let Matched { actual, expected, message, missing_elements, .. } = &outcome.matcher_result;
    if let (Value::Bool(found), Some((yes, no))) = (actual, states(&outcome.property)) {
        return if *found { yes } else { no }.into();
    }
    if message == "to have patterns" {
        let missing = missing_elements.as_deref().unwrap_or_default();
        return unmatched(missing, line(&outcome.property));
    }
    let label = label(&outcome.property);
    match outcome.property.as_str() {
        "filetype" => format!("it is {}", file_type(actual)),
        "groups" => format!("groups are {}", value(actual)),
        "addrs" => format!("addresses are {}", value(actual)),
        "size" => format!("size is {} bytes", value(actual)),
        property if is_text(property) => format!("{label} is {}", quoted(actual, expected)),
        _ => format!("{label} is {}", value(actual)),
    }
}

/// What was expected.
pub(super) fn expected(outcome: &Outcome) -> String {
    let Matched { actual, expected, message, missing_elements, .. } = &outcome.matcher_result;
    if outcome.err.is_some() {
        return match outcome.resource_type.as_str() {
            "HTTP" => "an answer".into(),
            "Mount" => "something is mounted there".into(),
            "Command" => "it finishes in time".into(),
            _ => String::new(),
        };
    }
    if let (Value::Bool(expected), Some((yes, no))) = (expected, wishes(&outcome.property)) {
        return if *expected { yes } else { no }.into();
    }
    let missing = missing_elements.as_deref().unwrap_or_default();
    let shown = |value: &Value| match outcome.property.as_str() {
        "filetype" => file_type(value),
        "size" => format!("{} bytes", self::value(value)),
        property if is_text(property) => quoted(value, actual),
        _ => self::value(value),
    };
    match message.as_str() {
        "to equal" | "to be numerically eq" => shown(expected),
        "not to equal" | "not to be numerically eq" => format!("anything but {}", shown(expected)),
        "to be numerically lt" => format!("less than {}", shown(expected)),
        "to be numerically le" => format!("at most {}", shown(expected)),
        "to be numerically gt" => format!("more than {}", shown(expected)),
        "to be numerically ge" => format!("at least {}", shown(expected)),
        "to have patterns" => {
            sentences(missing, |pattern| Pattern::new(pattern).expected(line(&outcome.property)))
        }
        "to contain elements matching" => {
            let all = expected.as_array().map_or(&[][..], Vec::as_slice);
            sentences(if missing.is_empty() { all } else { missing }, |element| {
                format!("{} among them", value(element))
            })
        }
        "to contain element matching" => format!("{} among them", value(expected)),
        "to have key matching" => format!("a key {}", value(expected)),
        "to match regular expression" => format!("a match of /{}/", value(expected)),
        "not to match regular expression" => format!("no match of /{}/", value(expected)),
        "to have prefix" => format!("{} at the beginning", quoted(expected, actual)),
        "to have suffix" => format!("{} at the end", quoted(expected, actual)),
        "to contain substring" => format!("{} in it", quoted(expected, actual)),
        "to have length" => format!("a length of {}", value(expected)),
        "to satisfy at least one of these matchers" => alternatives(expected),
        other => format!("{} {}", other.strip_prefix("to ").unwrap_or(other), value(expected)),
    }
}

/// The first line of a text, without its full stop.
pub(super) fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    shortened(line.trim_end_matches('.'))
}

/// A sentence, cut with a visible mark when it is too long.
pub(super) fn shortened(sentence: &str) -> String {
    cut(sentence, MAX_SENTENCE)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What goss could not do, without its own machinery.
fn trouble(error: &str) -> String {
    if let Some(limit) = error.strip_prefix("Command execution timed out (") {
        return format!("it did not finish within {}", limit.trim_end_matches(')'));
    }
    if error.starts_with("Get ") || error.starts_with("Post ") {
        return format!("no answer: {}", error.rsplit(": ").next().unwrap_or(error));
    }
    match error {
        "Mountpoint not found" => "nothing is mounted there".into(),
        other => first_line(other),
    }
}

/// The name of a property.
fn label(property: &str) -> String {
    match property {
        "exit-status" => "exit code".into(),
        "stdout" => "output".into(),
        "stderr" => "error output".into(),
        "linkedto" | "linked-to" => "link target".into(),
        "addrs" => "addresses".into(),
        "opts" => "options".into(),
        "filetype" => "file type".into(),
        "matches" => "content".into(),
        other => other.to_lowercase(),
    }
}

/// How a property that is true or false is said.
fn states(property: &str) -> Option<(&'static str, &'static str)> {
    Some(match property {
        "exists" => ("it exists", "it does not exist"),
        "running" => ("it is running", "it is not running"),
        "enabled" => ("it is enabled", "it is not enabled"),
        "installed" => ("it is installed", "it is not installed"),
        "listening" => ("something listens there", "nothing listens there"),
        "reachable" => ("it can be reached", "it cannot be reached"),
        "resolvable" => ("it can be resolved", "it cannot be resolved"),
        _ => return None,
    })
}

/// How it is said that such a property should be true or false, after the word "expected".
fn wishes(property: &str) -> Option<(&'static str, &'static str)> {
    Some(match property {
        "exists" => ("it to exist", "it not to exist"),
        "running" => ("it to be running", "it not to be running"),
        "enabled" => ("it to be enabled", "it not to be enabled"),
        "installed" => ("it to be installed", "it not to be installed"),
        "listening" => ("something to listen there", "nothing to listen there"),
        "reachable" => ("it to be reachable", "it not to be reachable"),
        "resolvable" => ("it to be resolvable", "it not to be resolvable"),
        _ => return None,
    })
}

/// Whether a property is a text that is better quoted.
fn is_text(property: &str) -> bool {
    matches!(property, "contents" | "stdout" | "stderr" | "Body" | "Headers" | "matches")
}

/// What patterns are looked for in.
fn line(property: &str) -> &'static str {
    if property == "Headers" { "header" } else { "line" }
}

fn file_type(value: &Value) -> String {
    match value.as_str() {
        Some("symlink") => "a symbolic link".into(),
        Some("pipe") => "a named pipe".into(),
        Some(other) => format!("a {other}"),
        None => self::value(value),
    }
}

/// One of goss's patterns: a text or `/expression/`, with `!` when no line may have it.
struct Pattern {
    negated: bool,
    what: String,
}

impl Pattern {
    fn new(pattern: &Value) -> Self {
        let text = value(pattern);
        let (negated, text) = text.strip_prefix('!').map_or((false, text.as_str()), |rest| (true, rest));
        let what = match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) => format!("that matches /{expression}/"),
            // `\!` and `\/` begin a plain text.
            None => format!("with \"{}\"", cut(text.strip_prefix('\\').unwrap_or(text), MAX_QUOTE)),
        };
        Self { negated, what }
    }

    fn expected(&self, line: &str) -> String {
        format!("{} {line} {}", if self.negated { "no" } else { "a" }, self.what)
    }
}

/// What is there of the patterns that did not hold. Which they are, the expectation says.
fn unmatched(patterns: &[Value], line: &str) -> String {
    let negated = patterns.iter().filter(|pattern| Pattern::new(pattern).negated).count();
    match (patterns.len() - negated, negated) {
        (0, 1) => format!("there is such a {line}"),
        (0, _) => format!("there are such {line}s"),
        (1, 0) => format!("there is no such {line}"),
        (_, 0) => format!("there are no such {line}s"),
        _ => format!("the {line}s are others"),
    }
}

/// `1`, `more than 5` and the like, any of which would do.
fn alternatives(expected: &Value) -> String {
    let alternative = |matcher: &Value| match matcher.as_object().and_then(|one| one.iter().next()) {
        Some((operator, operand)) => match operator.as_str() {
            "eq" | "equal" => value(operand),
            "lt" => format!("less than {}", value(operand)),
            "le" => format!("at most {}", value(operand)),
            "gt" => format!("more than {}", value(operand)),
            "ge" => format!("at least {}", value(operand)),
            other => format!("{} {}", other.replace('-', " "), value(operand)),
        },
        None => value(matcher),
    };
    let all: Vec<String> =
        expected.as_array().map_or(&[][..], Vec::as_slice).iter().map(alternative).collect();
    all.join(" or ")
}

/// A sentence for each, joined.
fn sentences(values: &[Value], say: impl Fn(&Value) -> String) -> String {
    values.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// A value as a student would write it.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) if text.is_empty() => "empty".into(),
        Value::String(text) => cut(text, MAX_QUOTE),
        Value::Array(all) if all.is_empty() => "none".into(),
        Value::Array(all) => all.iter().map(self::value).collect::<Vec<_>>().join(", "),
        other => cut(&other.to_string(), MAX_QUOTE),
    }
}

/// A text in quotes. Its last newline is left out, unless that is the whole difference to `other`.
fn quoted(text: &Value, other: &Value) -> String {
    let (Some(raw), others) = (text.as_str(), other.as_str().unwrap_or_default()) else { return value(text) };
    if raw.is_empty() {
        return "empty".into();
    }
    let plain = raw.trim_end_matches('\n');
    let shown = if plain == others.trim_end_matches('\n') { raw } else { plain };
    Value::String(cut(shown, MAX_QUOTE)).to_string()
}
