//! Copying the platform's parts into a base that lacks them. Nothing of the base is run for that.

use std::fs;

use anyhow::{Context as _, Result, anyhow};
use bollard::Docker;
use bytes::Bytes;

use super::archive::{Archive, Owner, ROOT, hash};
use super::base::{BaseContents, FILES, Found, VERSION, VERSION_LABEL};
use super::containerfile::{CONTAINERFILE, ENTRYPOINT};
use super::{Parts, builder};

/// The student's home.
const HOME: &str = "home/student";
/// The number that the student gets, if it is free.
const STUDENT: u64 = 1000;

/// Makes an image of the base and the parts. Its id.
pub(super) async fn inject(
    base: &Found,
    contents: &BaseContents,
    parts: &Parts,
    docker: &Docker,
) -> Result<String> {
    let mut context = Archive::new();
    context.file(CONTAINERFILE, containerfile(&base.id, contents).as_bytes(), 0o644, ROOT)?;
    context.file("parts.tar", &layer(contents, parts)?, 0o644, ROOT)?;
    let context = Bytes::from(context.finish()?);
    let build = builder::Build { context, containerfile: CONTAINERFILE, ..builder::Build::default() };
    let outcome = builder::build(docker, build, &|_| {}).await.map_err(|broken| {
        anyhow!("the parts cannot be copied into {}: {}\n{}", base.name, broken.reason, broken.output)
    })?;
    Ok(outcome.id)
}

/// The hash of the parts.
pub(super) fn parts_hash(parts: &Parts) -> Result<String> {
    let contents = FILES.iter().map(|(_, name)| part(parts, name)).collect::<Result<Vec<_>>>()?;
    Ok(hash(contents.iter().map(Vec::as_slice)))
}

fn part(parts: &Parts, name: &str) -> Result<Vec<u8>> {
    let path = parts.path(name);
    fs::read(&path).with_context(|| format!("the platform's part {}", path.display()))
}

fn containerfile(base: &str, contents: &BaseContents) -> String {
    // Students get bash where there is one.
    let shell = if contents.has_bash { "" } else { "ENV WORKSHOP_SHELL=\"/bin/sh\"\n" };
    format!(
        "FROM {base}\nUSER 0\nADD parts.tar /\n{shell}LABEL {VERSION_LABEL}=\"{VERSION}\"\nWORKDIR /workspace\n\
         EXPOSE 8080\n\
         HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
         CMD [\"/usr/local/bin/workshop-backend\",\"healthcheck\"]\n{ENTRYPOINT}\nCMD []\n"
    )
}

/// All that is copied in, as it is unpacked over `/`.
fn layer(contents: &BaseContents, parts: &Parts) -> Result<Vec<u8>> {
    let mut layer = Archive::new();
    for (path, name) in FILES {
        let mode = match name {
            // Who may run it but not read it, may not look into its memory either: there a step's check is.
            "goss" => 0o111,
            _ if path.starts_with("/etc/") => 0o644,
            _ => 0o755,
        };
        layer.file(path.trim_start_matches('/'), &part(parts, name)?, mode, ROOT)?;
    }
    if !contents.has_student() {
        let users = Users::with_student(contents);
        layer.file("etc/passwd", users.passwd.as_bytes(), 0o644, ROOT)?;
        layer.file("etc/group", users.group.as_bytes(), 0o644, ROOT)?;
        if let Some(shadow) = users.shadow {
            layer.file("etc/shadow", shadow.as_bytes(), 0o640, ROOT)?;
        }
        layer.folder(HOME, 0o755, users.student)?;
        // Without it zsh greets a new user with questions.
        layer.file(&format!("{HOME}/.zshrc"), b"", 0o644, users.student)?;
        if !contents.has_workspace {
            layer.folder("workspace", 0o755, users.student)?;
        }
    }
    layer.folder("workshop", 0o750, ROOT)?;
    layer.folder("workshop/runtime", 0o770, ROOT)?;
    Ok(layer.finish()?)
}

/// The base's users, and the student.
struct Users {
    passwd: String,
    group: String,
    shadow: Option<String>,
    student: Owner,
}

impl Users {
    fn with_student(contents: &BaseContents) -> Self {
        let text = |file: &Option<Vec<u8>>, else_: &str| match file {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => else_.to_owned(),
        };
        let [passwd, group, shadow] = &contents.users;
        let shell = if contents.has_bash { "/bin/bash" } else { "/bin/sh" };
        let mut passwd = text(passwd, "root:x:0:0:root:/root:/bin/sh\n");
        let mut group = text(group, "root:x:0:\n");
        let gid = match group.lines().find(|line| line.starts_with("student:")) {
            Some(line) => number(line).unwrap_or(STUDENT),
            None => {
                let gid = free(&group);
                line(&mut group, &format!("student:x:{gid}:"));
                gid
            }
        };
        let uid = free(&passwd);
        line(&mut passwd, &format!("student:x:{uid}:{gid}::/{HOME}:{shell}"));
        let shadow = shadow.as_ref().map(|bytes| {
            let mut shadow = String::from_utf8_lossy(bytes).into_owned();
            line(&mut shadow, "student:!:19000:0:99999:7:::");
            shadow
        });
        Self { passwd, group, shadow, student: Owner { user: uid, group: gid } }
    }
}

/// The number in the third field of a line of `/etc/passwd` or `/etc/group`.
fn number(line: &str) -> Option<u64> {
    line.split(':').nth(2)?.parse().ok()
}

/// The first number from [`STUDENT`] on that no line has.
fn free(file: &str) -> u64 {
    (STUDENT..)
        .find(|candidate| !file.lines().any(|line| number(line) == Some(*candidate)))
        .unwrap_or(STUDENT)
}

/// Adds a line to a file whose last line may lack its end.
fn line(file: &mut String, line: &str) {
    if !file.is_empty() && !file.ends_with('\n') {
        file.push('\n');
    }
    file.push_str(line);
    file.push('\n');
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(users: [Option<&str>; 3], has_bash: bool, expected: &Expect) {
        let users = users.map(|file| file.map(|text| text.as_bytes().to_vec()));
        let users = Users::with_student(&BaseContents { users, has_bash, ..BaseContents::default() });
        expected.assert_eq(&format!("{}{}{:?}", users.passwd, users.group, users.shadow));
    }

    #[test]
    fn the_student_is_added_to_the_users() {
        check(
            [None, None, None],
            false,
            &expect![[r#"
                root:x:0:0:root:/root:/bin/sh
                student:x:1000:1000::/home/student:/bin/sh
                root:x:0:
                student:x:1000:
                None"#]],
        );
        check(
            [
                Some("root:x:0:0::/root:/bin/bash\nubuntu:x:1000:1000::/home/ubuntu:/bin/bash"),
                Some("root:x:0:\nstudent:x:1002:\nubuntu:x:1000:\n"),
                Some("root:*:1::::::\n"),
            ],
            true,
            &expect![[r#"
                root:x:0:0::/root:/bin/bash
                ubuntu:x:1000:1000::/home/ubuntu:/bin/bash
                student:x:1001:1002::/home/student:/bin/bash
                root:x:0:
                student:x:1002:
                ubuntu:x:1000:
                Some("root:*:1::::::\nstudent:!:19000:0:99999:7:::\n")"#]],
        );
    }
}
