//! Every message of the format, with its file, line, column, field and what to write instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the point"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use expect_test::{Expect, expect};
use workshop_definition::load;

/// A head without problems, five lines long; the steps follow.
const HEAD: &str = "version: v1\nworkshop: {name: w, image: org/w}\nbase: {image: debian}\n";
const GUIDED: &str =
    "version: v1\nworkshop: {name: w, image: org/w, navigation: guided}\nbase: {image: debian}\n";
const WITH_LLM: &str = "version: v1\nworkshop: {name: w, image: org/w, llm: {provider: openai, model: m, apiKeyEnv: MY_KEY}}\nbase: {image: debian}\n";
const STEPS: &str = "steps: [{id: a, title: A, markdown: text}]\n";

/// Loads a workshop of these files, the first being `workshop.yaml`, and compares all its problems.
#[track_caller]
fn check(files: &[(&str, &str)], expected: Expect) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(dir.path(), path, content);
    }
    check_dir(dir.path(), expected);
}

#[track_caller]
fn check_yaml(yaml: &str, expected: Expect) {
    check(&[("workshop.yaml", yaml)], expected);
}

#[track_caller]
fn check_step(step: &str, expected: Expect) {
    check_yaml(&format!("{HEAD}steps:\n- {{id: a, title: A, markdown: text, {step}}}\n"), expected);
}

#[track_caller]
fn check_dir(dir: &Path, expected: Expect) {
    let problems = load(dir).map_or_else(|problems| problems.to_string(), |_| "no problems".into());
    expected.assert_eq(&problems);
}

fn write(dir: &Path, path: &str, content: &str) {
    let file = dir.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

#[test]
fn what_is_missing_from_an_empty_file() {
    check_yaml(
        "",
        expect![[r#"
        workshop.yaml:1:1: version: must be "v1"; add the line version: v1
        workshop.yaml:1:1: workshop.name: required; add the name of the workshop
        workshop.yaml:1:1: workshop.image: required; add an image repository, like myorg/name
        workshop.yaml:1:1: base: exactly one of image or containerFile is required; add image: workshop-base:debian
        workshop.yaml:1:1: steps: at least one step is required; add a step with id, title and markdown"#]],
    );
    check_yaml(
        "# a comment\n",
        expect![[r#"
        workshop.yaml:1:1: version: must be "v1"; add the line version: v1
        workshop.yaml:1:1: workshop.name: required; add the name of the workshop
        workshop.yaml:1:1: workshop.image: required; add an image repository, like myorg/name
        workshop.yaml:1:1: base: exactly one of image or containerFile is required; add image: workshop-base:debian
        workshop.yaml:1:1: steps: at least one step is required; add a step with id, title and markdown"#]],
    );
    check_yaml(
        "{}",
        expect![[r#"
        workshop.yaml:1:1: version: must be "v1"; add the line version: v1
        workshop.yaml:1:1: workshop.name: required; add the name of the workshop
        workshop.yaml:1:1: workshop.image: required; add an image repository, like myorg/name
        workshop.yaml:1:1: base: exactly one of image or containerFile is required; add image: workshop-base:debian
        workshop.yaml:1:1: steps: at least one step is required; add a step with id, title and markdown"#]],
    );
    check_yaml(
        "version:\nworkshop:\nbase:\nsteps:\n",
        expect![[r#"
        workshop.yaml:1:1: version: must be "v1"; add the line version: v1
        workshop.yaml:1:1: workshop.name: required; add the name of the workshop
        workshop.yaml:1:1: workshop.image: required; add an image repository, like myorg/name
        workshop.yaml:1:1: base: exactly one of image or containerFile is required; add image: workshop-base:debian
        workshop.yaml:1:1: steps: at least one step is required; add a step with id, title and markdown"#]],
    );
}

#[test]
fn no_file_at_all() {
    check(&[("other.yaml", "")], expect!["workshop.yaml:1:1: file not found"]);
}

#[test]
fn version() {
    check_yaml(
        &format!("{}{STEPS}", HEAD.replace("v1", "v2")),
        expect![[r#"workshop.yaml:1:10: version: must be "v1"; write version: v1"#]],
    );
    check_yaml(
        &format!("{}{STEPS}", HEAD.replace("v1", "1")),
        expect![[r#"workshop.yaml:1:10: version: must be "v1"; write version: v1"#]],
    );
    check_yaml(
        &format!("{}{STEPS}", HEAD.replace("version: v1", "")),
        expect![[r#"workshop.yaml:2:1: version: must be "v1"; add the line version: v1"#]],
    );
}

#[test]
fn name_and_image() {
    let head =
        |workshop: &str| format!("version: v1\nworkshop: {workshop}\nbase: {{image: debian}}\n{STEPS}");
    check_yaml(
        &head("{name: '', image: ' '}"),
        expect![[r#"
        workshop.yaml:2:11: workshop.name: required; add the name of the workshop
        workshop.yaml:2:11: workshop.image: required; add an image repository, like myorg/name"#]],
    );
    check_yaml(
        &head("{name: [w], image: 5}"),
        expect![[r#"
            workshop.yaml:2:18: workshop.name: must be text; write a single value, no list and no mapping
            workshop.yaml:2:30: workshop.image: must be text; put it in quotes: "5""#]],
    );
    check_yaml(
        &head("text"),
        expect![[
            r#"workshop.yaml:2:11: workshop: must be a mapping; write each field on a line of its own, as "key: value""#
        ]],
    );
    check_yaml(
        &head("{name: w, image: org/w:1.0}"),
        expect![[r#"workshop.yaml:2:28: workshop.image: must be a repository without a tag; write "org/w""#]],
    );
    check_yaml(
        &head("{name: w, image: 'localhost:5000/w@sha256:0a'}"),
        expect![[
            r#"workshop.yaml:2:28: workshop.image: must be a repository without a tag; write "localhost:5000/w""#
        ]],
    );
    check_yaml(&head("{name: w, image: 'localhost:5000/org/w'}"), expect!["no problems"]);
    check_yaml(
        &head("{name: w, image: Org/W}"),
        expect![[
            r#"workshop.yaml:2:28: workshop.image: must be an image repository; write it like "myorg/name", in lowercase"#
        ]],
    );
    check_yaml(
        &head("{name: w, image: ../w}"),
        expect![[
            r#"workshop.yaml:2:28: workshop.image: must be an image repository; write it like "myorg/name", in lowercase"#
        ]],
    );
}

#[test]
fn navigation() {
    let yaml = |word: &str| format!("{}{STEPS}", GUIDED.replace("guided", word));
    check_yaml(
        &yaml("Linear"),
        expect![[
            r#"workshop.yaml:2:47: workshop.navigation: must be one of: linear, free, guided; did you mean "linear"?"#
        ]],
    );
    check_yaml(
        &yaml("jump"),
        expect!["workshop.yaml:2:47: workshop.navigation: must be one of: linear, free, guided"],
    );
    check_yaml(
        &yaml("[free]"),
        expect![
            "workshop.yaml:2:47: workshop.navigation: must be one of: linear, free, guided; write a single value, no list and no mapping"
        ],
    );
    check_yaml(&yaml("free"), expect!["no problems"]);
}

#[test]
fn base() {
    let yaml = |base: &str| format!("version: v1\nworkshop: {{name: w, image: w}}\n{base}\n{STEPS}");
    check_yaml(
        &yaml(""),
        expect![
            "workshop.yaml:1:1: base: exactly one of image or containerFile is required; add image: workshop-base:debian"
        ],
    );
    check_yaml(
        &yaml("base: {}"),
        expect![
            "workshop.yaml:3:7: base: exactly one of image or containerFile is required; add image: workshop-base:debian"
        ],
    );
    check_yaml(
        &yaml("base: {image: a, containerFile: b}"),
        expect![[r#"
            workshop.yaml:3:33: base: image and containerFile are mutually exclusive; keep one of the two
            workshop.yaml:3:33: base.containerFile: file not found: b; add the file, or correct the path"#]],
    );
    check_yaml(
        &yaml("base: {containerFile: Containerfile}"),
        expect![
            "workshop.yaml:3:23: base.containerFile: file not found: Containerfile; add the file, or correct the path"
        ],
    );
    check_yaml(
        &yaml("base: {containerFile: /etc/passwd}"),
        expect![
            "workshop.yaml:3:23: base.containerFile: must be a path inside the workshop's directory: /etc/passwd; copy the file into it and write its path without a leading / and without .."
        ],
    );
    check_yaml(
        &yaml("base: {image: 5}"),
        expect![[r#"workshop.yaml:3:15: base.image: must be text; put it in quotes: "5""#]],
    );
    check(
        &[("workshop.yaml", &yaml("base: {containerFile: Containerfile}")), ("Containerfile", "FROM debian")],
        expect!["no problems"],
    );
}

#[test]
fn llm() {
    let yaml = |llm: &str| {
        format!("version: v1\nworkshop:\n  name: w\n  image: w\n  llm: {llm}\nbase: {{image: d}}\n{STEPS}")
    };
    check_yaml(
        &yaml("{provider: openai, model: m}"),
        expect![
            "workshop.yaml:5:8: workshop.llm.apiKeyEnv: required when llm is configured; add the name of the variable that holds the key, like WORKSHOP_LLM_API_KEY"
        ],
    );
    check_yaml(
        &yaml("{apiKeyEnv: KEY}"),
        expect![[r#"
        workshop.yaml:5:8: workshop.llm.provider: required; add provider: anthropic or provider: openai
        workshop.yaml:5:8: workshop.llm.model: required; add the model's name at the provider"#]],
    );
    check_yaml(
        &yaml("{provider: OpenAI, model: m, apiKeyEnv: sk-secret}"),
        expect![[r#"
        workshop.yaml:5:19: workshop.llm.provider: must be one of: anthropic, openai; did you mean "openai"?
        workshop.yaml:5:48: workshop.llm.apiKeyEnv: must be the name of an environment variable; write the variable's name, never the key itself"#]],
    );
    check_yaml(
        &yaml("{provider: anthropic, model: m, apiKeyEnv: KEY, maxTokens: 0, defaultMode: hint}"),
        expect![[r#"
            workshop.yaml:5:67: workshop.llm.maxTokens: must be at least 1
            workshop.yaml:5:83: workshop.llm.defaultMode: must be one of: hints, explain, solve; did you mean "hints"?"#]],
    );
    check_yaml(
        &yaml("{provider: anthropic, model: m, apiKeyEnv: KEY, maxTokens: many}"),
        expect!["workshop.yaml:5:67: workshop.llm.maxTokens: must be a whole number, without quotes"],
    );
}

#[test]
fn infrastructure() {
    check_yaml(
        &format!(
            "{HEAD}{STEPS}infrastructure:
  cluster: {{enabled: maybe, provider: kind}}
  extraContainers:
  - {{name: db, image: postgres, ports: [{{port: 5432}}], env: {{POSTGRES_PASSWORD: secret, N: 1}}}}
  - {{image: redis}}
  - {{name: cache}}
  - {{name: db, image: mysql, ports: [{{description: none}}, {{port: 70000}}, {{port: -1}}], env: {{1X: a}}}}
  - {{name: ../DB, image: mysql}}
"
        ),
        expect![[r#"
            workshop.yaml:6:22: infrastructure.cluster.enabled: must be true or false
            workshop.yaml:6:39: infrastructure.cluster.provider: must be one of: k3d, vcluster
            workshop.yaml:9:5: infrastructure.extraContainers[1]: name is required; add name: and its value
            workshop.yaml:10:5: infrastructure.extraContainers[2]: image is required; add image: and its value
            workshop.yaml:11:12: infrastructure.extraContainers[3].name: "db" is already used by extra container 0; choose another name
            workshop.yaml:11:38: infrastructure.extraContainers[3].ports[0]: port is required; add port: and its number
            workshop.yaml:11:66: infrastructure.extraContainers[3].ports[1].port: must be a port from 1 to 65535
            workshop.yaml:11:81: infrastructure.extraContainers[3].ports[2].port: must be a whole number, without quotes
            workshop.yaml:11:97: infrastructure.extraContainers[3].env.1X: must be the name of an environment variable; use letters, digits and _, and begin with no digit
            workshop.yaml:12:12: infrastructure.extraContainers[4].name: must be lowercase alphanumeric and hyphens only, at most 63 characters; write a name like "db""#]],
    );
}

#[test]
fn steps_are_required() {
    check_yaml(
        HEAD,
        expect![
            "workshop.yaml:1:1: steps: at least one step is required; add a step with id, title and markdown"
        ],
    );
    check_yaml(
        &format!("{HEAD}steps: []\n"),
        expect![
            "workshop.yaml:4:8: steps: at least one step is required; add a step with id, title and markdown"
        ],
    );
    check_yaml(
        &format!("{HEAD}steps: {{a: 1}}\n"),
        expect![[
            r#"workshop.yaml:4:8: steps: must be a list; write each item on a line of its own, after "- ""#
        ]],
    );
    check_yaml(
        &format!("{HEAD}steps: [~, [a], 1]\n"),
        expect![[r#"
        workshop.yaml:4:9: steps[0]: must be a step; write the fields of the step, or the id of a directory steps/<id>/
        workshop.yaml:4:12: steps[1]: must be a step; write the fields of the step, or the id of a directory steps/<id>/
        workshop.yaml:4:17: steps[2]: must be text; put it in quotes: "1""#]],
    );
}

#[test]
fn ids() {
    let yaml = |ids: &[&str]| {
        let steps = ids.iter().map(|id| format!("- title: T\n  markdown: text\n  id: {id}\n"));
        format!("{HEAD}steps:\n{}", steps.collect::<String>())
    };
    check_yaml(&yaml(&[""]), expect!["workshop.yaml:5:3: steps[0]: id is required; add id: and its value"]);
    check_yaml(
        &yaml(&["Step_One", "-a", "a/../b", "\"é\""]),
        expect![[r#"
        workshop.yaml:7:7: steps[0].id: must be lowercase alphanumeric and hyphens only; write "step-one"
        workshop.yaml:10:7: steps[1].id: must be lowercase alphanumeric and hyphens only; write "a"
        workshop.yaml:13:7: steps[2].id: must be lowercase alphanumeric and hyphens only; write "a-b"
        workshop.yaml:16:7: steps[3].id: must be lowercase alphanumeric and hyphens only; write an id like "step-1-intro""#]],
    );
    check_yaml(
        &yaml(&["step-0"]),
        expect![[r#"workshop.yaml:7:7: steps[0].id: "step-0" is reserved; write an id like "step-1-intro""#]],
    );
    check_yaml(
        &yaml(&["1", "\"1\""]),
        expect![[r#"workshop.yaml:7:7: steps[0].id: must be text; put it in quotes: "1""#]],
    );
    check_yaml(
        &yaml(&["a", "b", "a"]),
        expect![[
            r#"workshop.yaml:13:7: steps[2].id: "a" is already used by step 0; choose another id; the first is in line 5"#
        ]],
    );
    check_yaml(
        &yaml(&[&"a".repeat(64), &"b".repeat(63)]),
        expect![[
            r#"workshop.yaml:7:7: steps[0].id: must be at most 63 characters; write "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#
        ]],
    );
}

#[test]
fn titles() {
    check_yaml(
        &format!("{HEAD}steps:\n- id: a\n  markdown: text\n"),
        expect!["workshop.yaml:5:3: steps[0]: title is required; add title: and its value"],
    );
}

#[test]
fn order() {
    let steps = "steps:
- {id: a, title: A, markdown: text, requires: []}
- {id: b, title: B, markdown: text, group: g, requires: [a]}
";
    check_yaml(
        &format!("{HEAD}{steps}"),
        expect![[r#"
        workshop.yaml:6:44: steps[1].group: not allowed in linear navigation mode; remove it, or write navigation: guided
        workshop.yaml:6:57: steps[1].requires: not allowed in linear navigation mode; remove it, or write navigation: guided"#]],
    );
    check_yaml(
        &format!("{}{steps}", GUIDED.replace("guided", "free")),
        expect![[r#"
        workshop.yaml:6:44: steps[1].group: not allowed in free navigation mode; remove it, or write navigation: guided
        workshop.yaml:6:57: steps[1].requires: not allowed in free navigation mode; remove it, or write navigation: guided"#]],
    );
    check_yaml(&format!("{GUIDED}{steps}"), expect!["no problems"]);
    check_yaml(
        &format!("{GUIDED}{}", steps.replace("[a]", "[a, c, intro]")),
        expect![[r#"
            workshop.yaml:6:61: steps[1].requires: unknown step "c"; write the id of a step
            workshop.yaml:6:64: steps[1].requires: unknown step "intro"; write the id of a step"#]],
    );
}

#[test]
fn circles() {
    let yaml = |requires: &[(&str, &str)]| {
        let steps = requires.iter().map(|(id, requires)| {
            format!("- {{id: {id}, title: T, markdown: text, requires: [{requires}]}}\n")
        });
        format!("{GUIDED}steps:\n{}", steps.collect::<String>())
    };
    check_yaml(
        &yaml(&[("a", "a")]),
        expect!["workshop.yaml:5:47: steps[0].requires: circular dependency detected; remove one of a -> a"],
    );
    check_yaml(
        &yaml(&[("x", "c"), ("c", "b"), ("a", "c"), ("b", "a"), ("y", "x")]),
        expect![
            "workshop.yaml:6:47: steps[1].requires: circular dependency detected; remove one of c -> b -> a -> c"
        ],
    );
    check_yaml(
        &yaml(&[("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")]),
        expect![[r#"
        workshop.yaml:5:47: steps[0].requires: circular dependency detected; remove one of a -> b -> a
        workshop.yaml:7:47: steps[2].requires: circular dependency detected; remove one of c -> d -> c"#]],
    );
    check_yaml(&yaml(&[("a", ""), ("b", "a"), ("c", "a, b"), ("d", "b, c")]), expect!["no problems"]);
}

#[test]
fn texts_are_given_once() {
    check_step(
        "markdownFile: b, goss: 'a: 1', gossFile: b",
        expect![[r#"
        workshop.yaml:5:51: steps[0]: markdown and markdownFile are mutually exclusive; keep one of the two
        workshop.yaml:5:78: steps[0]: goss and gossFile are mutually exclusive; keep one of the two"#]],
    );
    check_step(
        "hints: a, hintsFile: b, explain: a, explainFile: b, solve: a, solveFile: b",
        expect![[r#"
        workshop.yaml:5:58: steps[0]: hints and hintsFile are mutually exclusive; keep one of the two
        workshop.yaml:5:86: steps[0]: explain and explainFile are mutually exclusive; keep one of the two
        workshop.yaml:5:110: steps[0]: solve and solveFile are mutually exclusive; keep one of the two"#]],
    );
    check_yaml(
        &format!("{HEAD}steps: [{{id: a, title: A}}]\n"),
        expect![
            "workshop.yaml:4:9: steps[0]: exactly one of markdown or markdownFile is required; add markdown: and the text of the step"
        ],
    );
}

#[test]
fn texts_in_files() {
    let yaml = format!(
        "{HEAD}steps:
- id: a
  title: A
  markdownFile: a.md
  gossFile: goss/a.yaml
  hintsFile: ../hints.md
  explainFile: dir
  solveFile: binary.md
"
    );
    check(
        &[("workshop.yaml", &yaml), ("dir/x", ""), ("binary.md", "a\0b")],
        expect![[r#"
            workshop.yaml:7:17: steps[0].markdownFile: file not found: a.md; add the file, or correct the path
            workshop.yaml:8:13: steps[0].gossFile: file not found: goss/a.yaml; add the file, or correct the path
            workshop.yaml:9:14: steps[0].hintsFile: must be a path inside the workshop's directory: ../hints.md; copy the file into it and write its path without a leading / and without ..
            workshop.yaml:10:16: steps[0].explainFile: not a file: dir; name each file
            workshop.yaml:11:14: steps[0].solveFile: not UTF-8 text: binary.md; save the file as UTF-8"#]],
    );
}

#[test]
fn files() {
    check_step(
        "files: [{}]",
        expect![[r#"
        workshop.yaml:5:45: steps[0].files[0]: path is required; add path: and its value
        workshop.yaml:5:45: steps[0].files[0]: exactly one of content or source is required; add content: and the text, or source: and a file"#]],
    );
    check_step(
        "files: [{path: /a}]",
        expect![
            "workshop.yaml:5:45: steps[0].files[0]: exactly one of content or source is required; add content: and the text, or source: and a file"
        ],
    );
    check_step(
        "files: [{path: /a, content: b, source: c}]",
        expect![
            "workshop.yaml:5:76: steps[0].files[0]: content and source are mutually exclusive; keep one of the two"
        ],
    );
    check_step(
        "files: [{path: /a, source: data/c.txt}]",
        expect![
            "workshop.yaml:5:64: steps[0].files[0].source: file not found: data/c.txt; add the file, or correct the path"
        ],
    );
    check_step(
        "files: [{path: /a, source: ../c.txt}, {path: /a, source: /etc/passwd}, {path: /a, source: .}]",
        expect![[r#"
            workshop.yaml:5:64: steps[0].files[0].source: must be a path inside the workshop's directory: ../c.txt; copy the file into it and write its path without a leading / and without ..
            workshop.yaml:5:94: steps[0].files[1].source: must be a path inside the workshop's directory: /etc/passwd; copy the file into it and write its path without a leading / and without ..
            workshop.yaml:5:127: steps[0].files[2].source: not a file: .; name each file"#]],
    );
    check_step(
        "files: [{path: a.txt, content: ''}]",
        expect![[
            r#"workshop.yaml:5:52: steps[0].files[0].path: must be an absolute path; write "/workspace/a.txt""#
        ]],
    );
    check_step(
        "files: [{path: /a/../etc/x, content: ''}, {path: /a/, content: ''}, {path: /, content: ''}, {path: /workshop/x, content: ''}]",
        expect![[r#"
            workshop.yaml:5:52: steps[0].files[0].path: must be the plain path of a file; write it without //, . and .. and without a / at its end
            workshop.yaml:5:86: steps[0].files[1].path: must be the plain path of a file; write it without //, . and .. and without a / at its end
            workshop.yaml:5:112: steps[0].files[2].path: must be the plain path of a file; write it without //, . and .. and without a / at its end
            workshop.yaml:5:136: steps[0].files[3].path: must not be in /workshop, which belongs to the platform; use /workspace"#]],
    );
    check_step(
        "files: [{path: /a, content: '', mode: 0755}, {path: /a, content: '', mode: rwx}, {path: /a, content: '', mode: '0799'}, {path: /a, content: '', mode: '4755'}]",
        expect![[r#"
            workshop.yaml:5:75: steps[0].files[0].mode: must be text; put it in quotes: "0755"
            workshop.yaml:5:112: steps[0].files[1].mode: must be an octal mode; write it like "0644" or "0755"
            workshop.yaml:5:148: steps[0].files[2].mode: must be an octal mode; write it like "0644" or "0755""#]],
    );
    check_step(
        "files: {path: /a}",
        expect![[
            r#"workshop.yaml:5:44: steps[0].files: must be a list; write each item on a line of its own, after "- ""#
        ]],
    );
}

#[test]
fn env() {
    check_step(
        "env: {WORKSHOP_TOKEN: a, PORT: 8080, DEBUG: true, EMPTY: ''}",
        expect![
            "workshop.yaml:5:59: steps[0].env.WORKSHOP_TOKEN: reserved name; choose a name that does not begin with WORKSHOP_"
        ],
    );
    check_step(
        "env: {1A: a, 'A B': b, '': c, NULL_: , LIST: [a]}",
        expect![[r#"
        workshop.yaml:5:47: steps[0].env.1A: must be the name of an environment variable; use letters, digits and _, and begin with no digit
        workshop.yaml:5:57: steps[0].env.A B: must be the name of an environment variable; use letters, digits and _, and begin with no digit
        workshop.yaml:5:64: steps[0].env.: must be the name of an environment variable; use letters, digits and _, and begin with no digit
        workshop.yaml:5:72: steps[0].env.NULL_: must be text; write "" for an empty value
        workshop.yaml:5:82: steps[0].env.LIST: must be text; write "" for an empty value"#]],
    );
    check_step(
        "env: [A=b]",
        expect![[
            r#"workshop.yaml:5:42: steps[0].env: must be a mapping; write each field on a line of its own, as "key: value""#
        ]],
    );
    check_yaml(
        &format!("{WITH_LLM}steps:\n- {{id: a, title: A, markdown: text, env: {{MY_KEY: sk-1}}}}\n"),
        expect![
            "workshop.yaml:5:51: steps[0].env.MY_KEY: reserved name; remove it; the key is given when the workshop runs and is never in an image"
        ],
    );
}

#[test]
fn commands_users_and_sudo() {
    check_step(
        "commands: make, checkUser: admin, sudo: yes",
        expect![[r#"
        workshop.yaml:5:47: steps[0].commands: must be a list; write each item on a line of its own, after "- "
        workshop.yaml:5:64: steps[0].checkUser: must be one of: student, root
        workshop.yaml:5:77: steps[0].sudo: must be true or false"#]],
    );
    check_step(
        "commands: ['', 1, [a], make]",
        expect![[r#"
            workshop.yaml:5:48: steps[0].commands[0]: must not be empty; remove the item
            workshop.yaml:5:52: steps[0].commands[1]: must be text; put it in quotes: "1"
            workshop.yaml:5:55: steps[0].commands[2]: must be text; write a single value, no list and no mapping"#]],
    );
}

#[test]
fn step_llm() {
    check_step(
        "llm: {mode: hints}",
        expect![
            "workshop.yaml:5:42: steps[0].llm: not allowed without workshop.llm; remove it, or add workshop.llm"
        ],
    );
    let yaml = |llm: &str| format!("{WITH_LLM}steps:\n- {{id: a, title: A, markdown: text, llm: {llm}}}\n");
    check_yaml(
        &yaml("{mode: solves, modes: [hints, answers]}"),
        expect![[r#"
        workshop.yaml:5:49: steps[0].llm.mode: must be one of: hints, explain, solve; did you mean "solve"?
        workshop.yaml:5:72: steps[0].llm.modes[1]: must be one of: hints, explain, solve"#]],
    );
    check_yaml(
        &yaml("{mode: solve, modes: [hints, explain]}"),
        expect![[
            r#"workshop.yaml:5:49: steps[0].llm.mode: "solve" is not one of the step's modes; add it to modes, or choose one of them"#
        ]],
    );
    check_yaml(
        &yaml("{docs: [docs/a.md, ../b.md]}"),
        expect![[r#"
            workshop.yaml:5:50: steps[0].llm.docs[0]: file not found: docs/a.md; add the file, or correct the path
            workshop.yaml:5:61: steps[0].llm.docs[1]: must be a path inside the workshop's directory: ../b.md; copy the file into it and write its path without a leading / and without .."#]],
    );
    check(
        &[("workshop.yaml", &yaml("{docs: [a/x.md, b/x.md]}")), ("a/x.md", "a"), ("b/x.md", "b")],
        expect![[
            r#"workshop.yaml:5:58: steps[0].llm.docs[1]: another document is already named "x.md"; rename one of the two"#
        ]],
    );
}

#[test]
fn unknown_and_double_keys() {
    check_yaml(
        &format!("{HEAD}step: []\nversoin: v1\nversion: v1\n{STEPS}"),
        expect![[r#"
        workshop.yaml:4:1: step: unknown key; did you mean "steps"?
        workshop.yaml:5:1: versoin: unknown key; did you mean "version"?
        workshop.yaml:6:1: version: the key is already given in line 1; remove one of the two"#]],
    );
    check_step(
        "markdown_file: x, check-user: root, <<: {a: b}, colour: red, [a]: b",
        expect![[r#"
        workshop.yaml:5:37: steps[0].markdown_file: unknown key; did you mean "markdownFile"?
        workshop.yaml:5:55: steps[0].check-user: unknown key; did you mean "checkUser"?
        workshop.yaml:5:73: steps[0].<<: unknown key; known keys are: id, title, group, requires, markdown, markdownFile, files, env, commands, goss, gossFile, checkUser, sudo, hints, hintsFile, explain, explainFile, solve, solveFile, llm
        workshop.yaml:5:85: steps[0].colour: unknown key; known keys are: id, title, group, requires, markdown, markdownFile, files, env, commands, goss, gossFile, checkUser, sudo, hints, hintsFile, explain, explainFile, solve, solveFile, llm
        workshop.yaml:5:98: steps[0]: a key must be text"#]],
    );
    check_step(
        "title: B",
        expect![
            "workshop.yaml:5:37: steps[0].title: the key is already given in line 5; remove one of the two"
        ],
    );
}

#[test]
fn a_step_in_a_directory() {
    let yaml = format!("{HEAD}steps:\n- intro\n");
    check_yaml(
        &yaml,
        expect![
            "workshop.yaml:5:3: steps[0]: directory not found: steps/intro/; make steps/intro/ with step.yaml and content.md, or write the step here"
        ],
    );
    check(
        &[("workshop.yaml", &yaml), ("steps/intro/hints.md", "")],
        expect![[r#"
        workshop.yaml:5:3: steps/intro/: content.md not found; add the file with the text of the step
        workshop.yaml:5:3: steps/intro/: step.yaml not found; add the file with at least the line title: and its value"#]],
    );
    check(
        &[("workshop.yaml", &yaml), ("steps/intro/step.yaml", ""), ("steps/intro/content.md", "")],
        expect!["steps/intro/step.yaml:1:1: steps[0]: title is required; add title: and its value"],
    );
    check(
        &[("workshop.yaml", &yaml), ("steps/intro/step.yaml", "title: A"), ("steps/intro/content.md", "")],
        expect!["no problems"],
    );
    check(
        &[
            ("workshop.yaml", &yaml),
            ("steps/intro/content.md", ""),
            ("steps/intro/goss.yml", ""),
            ("steps/intro/hint.md", ""),
            ("steps/intro/notes.txt", ""),
            ("steps/intro/assets/sub/a.png", ""),
            (
                "steps/intro/step.yaml",
                "id: intro
title: 5
group: g
files:
- {source: a.txt, target: a.txt}
- {source: ../content.md, target: /a}
- {source: /etc/passwd, target: /a}
- {target: /a, mode: '9'}
- {source: b.txt, path: /b}
env: {WORKSHOP_X: a}
llm: {docs: [a], mode: all}
",
            ),
        ],
        expect![[r#"
            workshop.yaml:5:3: steps/intro/: unknown file "goss.yml"; did you mean "goss.yaml"?
            workshop.yaml:5:3: steps/intro/: unknown file "hint.md"; did you mean "hints.md"?
            workshop.yaml:5:3: steps/intro/: not a file: steps/intro/assets/sub; name each file
            steps/intro/step.yaml:1:1: steps[0].id: unknown key; known keys are: title, group, requires, files, env, commands, checkUser, sudo, llm
            steps/intro/step.yaml:2:8: steps[0].title: must be text; put it in quotes: "5"
            steps/intro/step.yaml:3:8: steps[0].group: not allowed in linear navigation mode; remove it, or write navigation: guided
            steps/intro/step.yaml:5:12: steps[0].files[0].source: file not found: a.txt; add the file, or correct the path
            steps/intro/step.yaml:5:27: steps[0].files[0].target: must be an absolute path; write "/workspace/a.txt"
            steps/intro/step.yaml:6:12: steps[0].files[1].source: must be a path inside the workshop's directory: ../content.md; copy the file into it and write its path without a leading / and without ..
            steps/intro/step.yaml:7:12: steps[0].files[2].source: must be a path inside the workshop's directory: /etc/passwd; copy the file into it and write its path without a leading / and without ..
            steps/intro/step.yaml:8:3: steps[0].files[3]: source is required; add source: and its value
            steps/intro/step.yaml:8:22: steps[0].files[3].mode: must be an octal mode; write it like "0644" or "0755"
            steps/intro/step.yaml:9:3: steps[0].files[4]: target is required; add target: and its value
            steps/intro/step.yaml:9:12: steps[0].files[4].source: file not found: b.txt; add the file, or correct the path
            steps/intro/step.yaml:9:19: steps[0].files[4].path: unknown key; known keys are: source, target, mode
            steps/intro/step.yaml:10:19: steps[0].env.WORKSHOP_X: reserved name; choose a name that does not begin with WORKSHOP_
            steps/intro/step.yaml:11:6: steps[0].llm: not allowed without workshop.llm; remove it, or add workshop.llm
            steps/intro/step.yaml:11:7: steps[0].llm.docs: unknown key; known keys are: mode, modes, context
            steps/intro/step.yaml:11:24: steps[0].llm.mode: must be one of: hints, explain, solve"#]],
    );
    check(
        &[
            ("workshop.yaml", &yaml),
            ("steps/intro/step.yaml", "title: [a\nb: c"),
            ("steps/intro/content.md", ""),
        ],
        expect!["steps/intro/step.yaml:2:2: steps[0]: not valid YAML: illegal placement of ':' indicator"],
    );
}

#[test]
fn ids_are_never_joined_to_a_path() {
    check_yaml(
        &format!("{HEAD}steps: [../../etc, /etc, 'a\\0', steps/intro, '.']\n"),
        expect![[r#"
        workshop.yaml:4:9: steps[0].id: must be lowercase alphanumeric and hyphens only; write "etc"
        workshop.yaml:4:20: steps[1].id: must be lowercase alphanumeric and hyphens only; write "etc"
        workshop.yaml:4:26: steps[2].id: must be lowercase alphanumeric and hyphens only; write "a-0"
        workshop.yaml:4:33: steps[3].id: must be lowercase alphanumeric and hyphens only; write "steps-intro"
        workshop.yaml:4:46: steps[4].id: must be lowercase alphanumeric and hyphens only; write an id like "step-1-intro""#]],
    );
}

#[test]
fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "step.yaml", "title: A");
    write(outside.path(), "content.md", "text");
    let yaml = format!(
        "{HEAD}steps:
- linked
- texts
- {{id: a, title: A, markdownFile: linked/content.md, files: [{{path: /a, source: link.txt}}]}}
"
    );
    write(dir.path(), "workshop.yaml", &yaml);
    write(dir.path(), "steps/texts/step.yaml", "title: A");
    write(dir.path(), "link.md", "text");
    for link in ["linked", "steps/linked", "steps/texts/assets"] {
        symlink(outside.path(), dir.path().join(link)).unwrap();
    }
    for link in ["link.txt", "steps/texts/content.md"] {
        symlink(dir.path().join("link.md"), dir.path().join(link)).unwrap();
    }
    check_dir(
        dir.path(),
        expect![[r#"
        workshop.yaml:5:3: steps[0]: links are not followed: steps/linked/; put the file itself there
        workshop.yaml:6:3: steps/texts/: links are not followed: steps/texts/assets; put the file itself there
        workshop.yaml:6:3: steps/texts/: links are not followed: steps/texts/content.md; put the file itself there
        workshop.yaml:7:35: steps[2].markdownFile: links are not followed: linked/content.md; put the file itself there
        workshop.yaml:7:81: steps[2].files[0].source: links are not followed: link.txt; put the file itself there"#]],
    );
}

#[test]
fn no_yaml() {
    check_yaml(
        "version: v1\nworkshop: [\n",
        expect!["workshop.yaml:2:11: not valid YAML: unclosed bracket '['"],
    );
    check_yaml(
        "a: b: c\n",
        expect!["workshop.yaml:1:5: not valid YAML: mapping values are not allowed in this context"],
    );
    check_yaml(
        "\ta: b\n",
        expect![[r#"
        workshop.yaml:1:2: a: unknown key; known keys are: version, workshop, base, infrastructure, steps
        workshop.yaml:1:2: version: must be "v1"; add the line version: v1
        workshop.yaml:1:2: workshop.name: required; add the name of the workshop
        workshop.yaml:1:2: workshop.image: required; add an image repository, like myorg/name
        workshop.yaml:1:2: base: exactly one of image or containerFile is required; add image: workshop-base:debian
        workshop.yaml:1:2: steps: at least one step is required; add a step with id, title and markdown"#]],
    );
    check_yaml(
        "version: v1\n---\nversion: v1\n",
        expect!["workshop.yaml:2:1: more than one document; remove the line with ---"],
    );
    check_yaml(
        "version: !!binary aGk=\n",
        expect!["workshop.yaml:1:19: the tag !!binary is not supported; remove the tag"],
    );
    check_yaml(
        "version: *unknown\n",
        expect!["workshop.yaml:1:10: not valid YAML: while parsing node, found unknown anchor"],
    );
    check_yaml("version: &a [*a]\n", expect!["workshop.yaml:1:14: the alias stands inside its own anchor"]);
    check_yaml(
        "version: \"a\\0b\"\n",
        expect!["workshop.yaml:1:10: a NUL character is not allowed; remove it"],
    );
    check_yaml(
        "- a list\n",
        expect![[
            r#"workshop.yaml:1:1: must be a mapping; write each field on a line of its own, as "key: value""#
        ]],
    );
    check_yaml(
        "text\n",
        expect![[
            r#"workshop.yaml:1:1: must be a mapping; write each field on a line of its own, as "key: value""#
        ]],
    );
}

#[test]
fn bom_crlf_tags_and_aliases_are_fine() {
    let yaml = format!("\u{feff}{HEAD}{STEPS}").replace('\n', "\r\n");
    check_yaml(&yaml, expect!["no problems"]);
    check_yaml(&yaml.replace("title: A", "title: !!str 5"), expect!["no problems"]);
    check_yaml(
        &yaml.replace("title: A, markdown: text", "title: &t A, markdown: *t"),
        expect!["no problems"],
    );
    check_yaml(
        &yaml.replace("title: A", "title: [A]"),
        expect![
            "workshop.yaml:4:24: steps[0].title: must be text; write a single value, no list and no mapping"
        ],
    );
}

#[test]
fn not_utf_8() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("workshop.yaml"), b"version: v1\nn\xc3\xa4me: \xff\n").unwrap();
    check_dir(dir.path(), expect!["workshop.yaml:2:7: not UTF-8 text; save the file as UTF-8"]);
    let yaml = format!("{HEAD}steps: [{{id: a, title: A, markdownFile: a.md}}]\n");
    write(dir.path(), "workshop.yaml", &yaml);
    fs::write(dir.path().join("a.md"), b"\xff\xfe").unwrap();
    check_dir(
        dir.path(),
        expect!["workshop.yaml:4:41: steps[0].markdownFile: not UTF-8 text: a.md; save the file as UTF-8"],
    );
}

#[test]
fn prompts() {
    let yaml = format!("{HEAD}{STEPS}");
    check(
        &[("workshop.yaml", &yaml), ("prompts/hints.md", "a\0")],
        expect!["workshop.yaml:1:1: prompts/: not UTF-8 text: prompts/hints.md; save the file as UTF-8"],
    );
    check(
        &[("workshop.yaml", &yaml), ("prompts/explain.md/x", "")],
        expect!["workshop.yaml:1:1: prompts/: not a file: prompts/explain.md; name each file"],
    );
}
