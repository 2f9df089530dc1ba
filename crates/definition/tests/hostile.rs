//! Input made to hurt: the front end refuses it, within bounded memory, and never panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the point"
)]

use std::fs;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use workshop_definition::{Problems, load, parse_bytes};
use workshop_testing::rounds;

/// What all tests of this file may take together at their worst moment, in KiB.
const MAX_PEAK_KIB: u64 = 400 << 10;

/// A definition with every kind of value, to be mutilated.
const VALID: &str = r#"version: v1
workshop: {name: w, image: org/w, navigation: guided, llm: {provider: openai, model: m, apiKeyEnv: KEY}}
base: {image: debian}
infrastructure: {cluster: {enabled: true}, extraContainers: [{name: db, image: i, ports: [{port: 1}]}]}
steps:
  - id: a
    title: &t "A \u00e4"
    group: g
    requires: [b]
    markdown: |
      # Hello
    files:
      - {path: /workspace/a, content: 'it''s', mode: "0755"}
    env: {A: 1, B: *t}
    commands: [">-", make]
    checkUser: root
    sudo: true
  - b
"#;

/// Parses, and compares the first problem and how many there are.
#[track_caller]
fn check(yaml: &[u8], expected: Expect) {
    let problems = parse_bytes("workshop.yaml", yaml).unwrap_err();
    let first = problems.iter().next().unwrap().to_string();
    expected.assert_eq(&format!("{}: {first}", problems.len()));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < MAX_PEAK_KIB, "peak memory {kib} KiB");
}

/// Parses; whatever comes, every problem has a place in the text.
fn survives(bytes: &[u8]) {
    if let Err(problems) = parse_bytes("workshop.yaml", bytes) {
        let lines = bytes.iter().filter(|&&b| matches!(b, b'\n' | b'\r')).count() + 1;
        for problem in &problems.into_iter().collect::<Vec<_>>() {
            assert!(problem.line >= 1 && problem.line <= lines + 1 && problem.column >= 1, "{problem:?}");
            assert!(problem.to_string().len() < 2000 && !problem.to_string().contains('\n'), "{problem:?}");
        }
    }
}

#[test]
fn the_seed_of_the_mutilations_is_valid() {
    assert_eq!(parse_bytes("workshop.yaml", VALID.as_bytes()), Ok(()));
}

#[test]
fn alias_bombs() {
    let mut laughs = String::from("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for level in 1..30 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
    }
    check(
        laughs.as_bytes(),
        expect![
            "1: workshop.yaml:6:20: too much content, counting every use of an alias; write less, or move texts into files of their own"
        ],
    );

    let wide = format!("a: &a {}\nsteps: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1000));
    check(
        wide.as_bytes(),
        expect![
            "1: workshop.yaml:2:69: too much content, counting every use of an alias; write less, or move texts into files of their own"
        ],
    );

    let mut ladder = String::from("a0: &a0 [x]\n");
    for level in 1..20_000 {
        ladder.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    check(ladder.as_bytes(), expect!["1: workshop.yaml:63:12: nested deeper than 64 levels"]);
}

#[test]
fn nesting_bombs() {
    check("[".repeat(1 << 20).as_bytes(), expect!["1: workshop.yaml:1:256: nested deeper than 64 levels"]);
    check(
        "{a: ".repeat(1 << 20).as_bytes(),
        expect!["1: workshop.yaml:1:1021: nested deeper than 64 levels"],
    );
    check("- ".repeat(1 << 20).as_bytes(), expect!["1: workshop.yaml:1:129: nested deeper than 64 levels"]);
    check("? ".repeat(1 << 20).as_bytes(), expect!["1: workshop.yaml:1:129: nested deeper than 64 levels"]);
    let block: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    check(block.as_bytes(), expect!["1: workshop.yaml:64:64: nested deeper than 64 levels"]);
}

#[test]
fn much_of_everything() {
    check(
        "- a\n".repeat(1 << 20).as_bytes(),
        expect![
            "1: workshop.yaml:258111:3: too much content, counting every use of an alias; write less, or move texts into files of their own"
        ],
    );
    check(
        "&a a: b\n".repeat(1 << 19).as_bytes(),
        expect![
            "1: workshop.yaml:129056:4: too much content, counting every use of an alias; write less, or move texts into files of their own"
        ],
    );
    check(
        "a: b\n".repeat(20_000).as_bytes(),
        expect![
            "20005: workshop.yaml:1:1: a: unknown key; known keys are: version, workshop, base, infrastructure, steps"
        ],
    );
    let keys: String = (0..20_000).map(|n| format!("k{n}: b\n")).collect();
    check(
        keys.as_bytes(),
        expect![
            "20005: workshop.yaml:1:1: k0: unknown key; known keys are: version, workshop, base, infrastructure, steps"
        ],
    );
    let steps: String = (0..30_000).map(|n| format!("- s{n}\n")).collect();
    check(
        format!("steps:\n{steps}").as_bytes(),
        expect![[r#"4: workshop.yaml:1:1: version: must be "v1"; add the line version: v1"#]],
    );
    check(
        format!("? {}\n: a\n", "k".repeat(1 << 20)).as_bytes(),
        expect![[r#"6: workshop.yaml:1:1: version: must be "v1"; add the line version: v1"#]],
    );
    check(
        "#\n".repeat(1 << 20).as_bytes(),
        expect![[r#"5: workshop.yaml:1:1: version: must be "v1"; add the line version: v1"#]],
    );
    check(
        "\n".repeat(1 << 21).as_bytes(),
        expect![[r#"5: workshop.yaml:1:1: version: must be "v1"; add the line version: v1"#]],
    );
    check(
        "--- \n".repeat(1 << 19).as_bytes(),
        expect!["1: workshop.yaml:2:1: more than one document; remove the line with ---"],
    );
    check(
        "!".repeat(1 << 20).as_bytes(),
        expect!["1: workshop.yaml:1:1: not valid YAML: while parsing a tag, did not find expected tag URI"],
    );
}

#[test]
fn a_long_circle() {
    let steps: String = (0..2000)
        .map(|n| format!("- {{id: s{n}, title: T, markdown: m, requires: [s{}]}}\n", (n + 1) % 2000))
        .collect();
    let yaml = format!(
        "version: v1\nworkshop: {{name: w, image: w, navigation: guided}}\nbase: {{image: d}}\nsteps:\n{steps}"
    );
    check(
        yaml.as_bytes(),
        expect![
            "1: workshop.yaml:5:45: steps[0].requires: circular dependency detected; remove one of s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> s6 -> s7 -> s8 -> s9 -> …"
        ],
    );
}

#[test]
fn ten_megabytes() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |dir: &std::path::Path| -> Problems { load(dir).unwrap_err() };
    fs::write(dir.path().join("workshop.yaml"), vec![b'a'; 10 << 20]).unwrap();
    expect!["workshop.yaml:1:1: larger than 4 MiB; move long texts into files of their own"]
        .assert_eq(&refused(dir.path()).to_string());

    let yaml = "version: v1\nworkshop: {name: w, image: w}\nbase: {image: d}\nsteps: [a]\n";
    fs::write(dir.path().join("workshop.yaml"), yaml).unwrap();
    let step = dir.path().join("steps/a");
    fs::create_dir_all(step.join("assets")).unwrap();
    fs::write(step.join("step.yaml"), vec![b'a'; 10 << 20]).unwrap();
    fs::write(step.join("content.md"), "text").unwrap();
    expect!["steps/a/step.yaml:1:1: steps[0]: larger than 4 MiB; move long texts into files of their own"]
        .assert_eq(&refused(dir.path()).to_string());

    fs::write(step.join("step.yaml"), "title: A").unwrap();
    fs::write(step.join("content.md"), vec![b'a'; 10 << 20]).unwrap();
    // Sparse: nothing is written, and no more than the limit is read.
    fs::File::create(step.join("assets/huge.png")).unwrap().set_len(100 << 30).unwrap();
    expect![[r#"
        workshop.yaml:4:9: steps/a/: larger than 4 MiB: steps/a/content.md
        workshop.yaml:4:9: steps/a/: larger than 64 MiB: steps/a/assets/huge.png"#]]
    .assert_eq(&refused(dir.path()).to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(rounds(128, 4_096)))]
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        survives(&bytes);
    }

    #[test]
    fn any_text_with_the_signs_of_yaml(text in "([-:{}\\[\\],&*!|>'\"#%@` \n\t?~a0]|steps|id|<<: |\u{feff}|\r\n){0,80}") {
        survives(text.as_bytes());
    }

    #[test]
    fn a_mutilated_definition(
        cut in 0..VALID.len(),
        length in 0..20usize,
        insert in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        let end = (cut + length).min(bytes.len());
        bytes.splice(cut..end, insert);
        survives(&bytes);
    }

    #[test]
    fn a_definition_with_another_value(value in "[-:{}\\[\\],&*!|>'\"a0.~ ]{0,12}", field in 0..14usize) {
        let at = VALID.match_indices(": ").nth(field).unwrap().0 + 2;
        survives(format!("{}{value}\n{}", &VALID[..at], &VALID[at..]).as_bytes());
    }
}
