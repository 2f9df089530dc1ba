//! Accounts: who the student is, read from `/etc/passwd` and `/etc/group` (a static glibc must not load the image's name service).

use std::path::PathBuf;

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The primary group's id.
    pub gid: u32,
    /// The ids of all groups, the primary one first.
    pub groups: Vec<u32>,
    /// The home directory.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

impl Account {
    /// The account with this name in the texts of a passwd and a group file. Malformed lines are no accounts.
    pub fn by_name(name: &str, passwd: &str, group: &str) -> Option<Self> {
        Self::find(passwd, group, |account| account.name == name)
    }

    /// The account with this user id.
    pub fn by_uid(uid: u32, passwd: &str, group: &str) -> Option<Self> {
        Self::find(passwd, group, |account| account.uid == uid)
    }

    fn find(passwd: &str, group: &str, matches: impl Fn(&Self) -> bool) -> Option<Self> {
        let mut account = passwd.lines().filter_map(from_passwd_line).find(matches)?;
        let supplementary = group.lines().filter_map(|line| member_of(line, &account.name));
        account.groups.extend(supplementary.filter(|gid| *gid != account.gid));
        account.groups.dedup();
        Some(account)
    }
}

/// `name:password:uid:gid:comment:home:shell`
fn from_passwd_line(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1).filter(|home| !home.is_empty()).unwrap_or("/");
    let shell = fields.next().filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh");
    Some(Account {
        name: name.to_owned(),
        uid,
        gid,
        groups: vec![gid],
        home: home.into(),
        shell: shell.into(),
    })
}

/// The id of the group of a line `name:password:gid:member,member` if `user` is in it.
fn member_of(line: &str, user: &str) -> Option<u32> {
    let mut fields = line.split(':');
    let gid = fields.nth(2)?.parse().ok()?;
    fields.next()?.split(',').any(|member| member == user).then_some(gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\n# a comment\n+::::::\nbroken:x:1\n\
        student:x:1000:1001:The, Student:/home/student:/bin/zsh\nbare:x:7:7:::\nlate:x:seven:7::/:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nsudo:x:27:student,other\nown:x:1001:student\nnear:x:28:students\nbroken:x\n\
        docker:x:999:other,student\n";

    fn check(found: Option<Account>, uid: u32, gid: u32, groups: &[u32], home: &str, shell: &str) {
        let account = found.expect("there is an account");
        assert_eq!((account.uid, account.gid), (uid, gid));
        assert_eq!(account.groups, groups);
        assert_eq!((account.home, account.shell), (home.into(), shell.into()));
    }

    #[test]
    fn accounts_are_found_with_their_groups() {
        let student = Account::by_name("student", PASSWD, GROUP);
        check(student, 1000, 1001, &[1001, 27, 999], "/home/student", "/bin/zsh");
        check(Account::by_uid(0, PASSWD, GROUP), 0, 0, &[0], "/root", "/bin/bash");
        check(Account::by_name("bare", PASSWD, GROUP), 7, 7, &[7], "/", "/bin/sh");
    }

    #[test]
    fn what_is_no_account_is_not_found() {
        for name in ["", "broken", "late", "students", "+", "# a comment"] {
            assert_eq!(Account::by_name(name, PASSWD, GROUP), None, "{name}");
        }
    }
}
