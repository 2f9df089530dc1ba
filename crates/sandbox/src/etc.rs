//! The sandbox's own `/etc`: one student, one host name, and of the host's only what its programs need to run.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::inside::{HOSTNAME, STUDENT, STUDENT_HOME, STUDENT_ID};
use crate::shell;

/// What is taken from the host, read-only, where it exists: how its programs find libraries, alternatives,
/// certificates, terminals and their own settings. None of it names the host or its users.
const FROM_HOST: &[&str] = &[
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "groff",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "magic",
    "man_db.conf",
    "manpath.config",
    "mime.types",
    "nanorc",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "vim",
    "vimrc",
];

/// Interactive shells read these, by whichever of the names their distribution has.
const BASHRC: &str = "\
# Interactive bash. Some distributions read this of themselves, in others ~/.bashrc does.
[ -n \"${_workshop_bashrc-}\" ] && return
_workshop_bashrc=1
PS1='\\u@\\h:\\w\\$ '
alias ls='ls --color=auto' grep='grep --color=auto' ll='ls -l'
[ -r /usr/share/bash-completion/bash_completion ] && . /usr/share/bash-completion/bash_completion
";
const ZSHRC: &str = "\
# Interactive zsh.
PROMPT='%n@%m:%~%# '
alias ls='ls --color=auto' grep='grep --color=auto' ll='ls -l'
";

/// `su` and the like ask for a password as everywhere; there is none that they would take.
const PAM: &str = "\
auth required pam_unix.so
account required pam_unix.so
session required pam_permit.so
password required pam_deny.so
";

/// Something of the host that is bound into the sandbox's `/etc`.
pub(crate) struct Borrowed {
    /// Where it is on the host.
    pub(crate) source: PathBuf,
    /// Where it goes.
    pub(crate) target: PathBuf,
}

/// Writes the sandbox's `/etc` into `etc`, anew, and names what is to be bound over it.
pub(crate) fn write(etc: &Path) -> io::Result<Vec<Borrowed>> {
    match fs::remove_dir_all(etc) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => folder(etc)?,
    }
    for (name, text) in own() {
        file(&etc.join(name), &text)?;
    }
    shell::place(etc)?;
    for (name, target) in [("os-release", "../usr/lib/os-release"), ("mtab", "../proc/self/mounts")] {
        std::os::unix::fs::symlink(target, etc.join(name))?;
    }
    let mut borrowed = Vec::new();
    for name in FROM_HOST {
        let (source, place) = (Path::new("/etc").join(name), etc.join(name));
        let Ok(found) = fs::metadata(&source) else { continue };
        // Something must be there to bind it over.
        if found.is_dir() {
            folder(&place)?
        } else {
            file(&place, "")?
        }
        borrowed.push(Borrowed { target: source.clone(), source });
    }
    Ok(borrowed)
}

/// Makes a folder, and those above it, that all may read whatever the backend's umask is.
fn folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// Writes a file that all may read.
fn file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        folder(parent)?;
    }
    fs::write(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o644))
}

/// The files that are the sandbox's own.
fn own() -> Vec<(&'static str, String)> {
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/sh\n\
         {STUDENT}:x:{STUDENT_ID}:{STUDENT_ID}:Student:{STUDENT_HOME}:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    );
    let group = format!("root:x:0:\ntty:x:5:\n{STUDENT}:x:{STUDENT_ID}:\nnogroup:x:65534:\n");
    let hosts = format!("127.0.0.1 localhost {HOSTNAME}\n::1 localhost ip6-localhost\n");
    vec![
        ("passwd", passwd),
        ("group", group),
        ("hosts", hosts),
        ("hostname", format!("{HOSTNAME}\n")),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n".into()),
        ("resolv.conf", String::new()),
        ("shells", "/bin/sh\n/bin/bash\n/bin/zsh\n".into()),
        ("profile", "[ -n \"${BASH-}\" ] && case $- in *i*) . /etc/bash.bashrc ;; esac\n".into()),
        ("pam.d/other", PAM.into()),
        ("shadow", format!("root:*:20000::::::\n{STUDENT}:*:20000::::::\n")),
        ("bash.bashrc", BASHRC.into()),
        ("zsh/zshrc", ZSHRC.into()),
        ("zshrc", ZSHRC.into()),
    ]
}
