//! Both forms of a workshop compile to the same artifact, byte for byte, and it reads back as it was written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the point"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use expect_test::expect;
use workshop_definition::artifact::{Artifact, HelpMode};
use workshop_definition::{Base, CompileError, Definition, compile_artifact, load};

const HEAD: &str = "version: v1
workshop:
  name: Both forms
  image: org/both
  navigation: guided
  llm: {provider: anthropic, model: some-model, apiKeyEnv: WORKSHOP_LLM_API_KEY, maxTokens: 512}
base: {containerFile: base/Containerfile}
infrastructure:
  cluster: {enabled: true, provider: vcluster}
  extraContainers: [{name: db, image: 'postgres:16', ports: [{port: 5432, description: Postgres}], env: {B: 1, A: 2}}]
";

const INLINE: &str = r##"steps:
  - id: intro
    title: Introduction
    group: basics
    markdown: "# Hello\n"
    env: {MODE: dev, PORT: 80}
  - id: deploy
    title: Deploy
    group: basics
    requires: [intro]
    markdownFile: elsewhere/deploy.md
    files:
      - {path: /workspace/run.sh, source: elsewhere/run.sh, mode: "0755"}
      - {path: /workspace/config, content: "a: b\n"}
    env: {TOKEN: t, MODE: prod}
    commands: [make, make install]
    goss: "port: {}\n"
    checkUser: root
    sudo: true
    hints: "Look.\n"
    explainFile: elsewhere/why.md
    solve: "make\n"
    llm: {mode: explain, modes: [hints, explain], context: "It is slow.", docs: [elsewhere/a.md, elsewhere/b.md]}
"##;

/// The same steps, each in a directory.
const DIRECTORIES: [(&str, &str); 13] = [
    ("steps/intro/step.yaml", "title: Introduction\ngroup: basics\nenv: {MODE: dev, PORT: 80}\n"),
    ("steps/intro/content.md", "# Hello\n"),
    (
        "steps/deploy/step.yaml",
        "title: Deploy
group: basics
requires: [intro]
files:
- {source: run.sh, target: /workspace/run.sh, mode: '0755'}
- {source: etc/config, target: /workspace/config}
env: {TOKEN: t, MODE: prod}
commands: [make, make install]
checkUser: root
sudo: true
llm: {mode: explain, modes: [hints, explain], context: It is slow.}
",
    ),
    ("steps/deploy/content.md", "# Deploy\n"),
    ("steps/deploy/files/run.sh", "#!/bin/sh\n"),
    ("steps/deploy/files/etc/config", "a: b\n"),
    ("steps/deploy/goss.yaml", "port: {}\n"),
    ("steps/deploy/hints.md", "Look.\n"),
    ("steps/deploy/explain.md", "Why.\n"),
    ("steps/deploy/solve.md", "make\n"),
    ("steps/deploy/llm-docs/a.md", "a\n"),
    ("steps/deploy/llm-docs/b.md", "b\n"),
    ("steps/draft/step.yaml", "no: [yaml"),
];

const COMMON: [(&str, &str); 7] = [
    ("base/Containerfile", "FROM debian\n"),
    ("prompts/hints.md", "Be brief.\n"),
    ("elsewhere/deploy.md", "# Deploy\n"),
    ("elsewhere/run.sh", "#!/bin/sh\n"),
    ("elsewhere/why.md", "Why.\n"),
    ("elsewhere/a.md", "a\n"),
    ("elsewhere/b.md", "b\n"),
];

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
}

fn definition(steps: &str) -> (tempfile::TempDir, Definition) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &COMMON);
    write(dir.path(), &DIRECTORIES);
    write(dir.path(), &[("workshop.yaml", &format!("{HEAD}{steps}"))]);
    let definition = load(dir.path()).unwrap_or_else(|problems| panic!("{problems}"));
    (dir, definition)
}

/// Every file and directory below `dir`, with its mode and bytes.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(path) = open.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let content = metadata.is_file().then(|| fs::read(&path).unwrap());
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        found.insert(path.strip_prefix(dir).unwrap().to_path_buf(), (mode, content));
    }
    found
}

fn compiled(definition: &Definition) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("deep/workshop");
    compile_artifact(definition, &out).unwrap();
    (dir, out)
}

#[test]
fn both_forms_give_the_same_artifact() {
    let (_inline_dir, mut inline) = definition(INLINE);
    let (_dirs_dir, mut directories) = definition("steps: [intro, deploy]\n");
    assert_eq!(tree(&compiled(&inline).1), tree(&compiled(&directories).1));

    // And the same recipe; only the workshop's own directory differs.
    let base = Base::Image(String::new());
    (inline.base, directories.base) = (base.clone(), base);
    assert_eq!(inline, directories);
}

#[test]
fn the_forms_mix() {
    let intro = INLINE.split("  - id: deploy").next().unwrap();
    let (_a, mixed) = definition(&format!("{intro}  - deploy\n"));
    let (_b, inline) = definition(INLINE);
    assert_eq!(tree(&compiled(&mixed).1), tree(&compiled(&inline).1));
}

#[test]
fn the_artifact_as_it_is_written() {
    let (_dir, definition) = definition(INLINE);
    let (_out_dir, out) = compiled(&definition);
    let listing: String = tree(&out)
        .iter()
        .map(|(path, (mode, content))| {
            let size = content.as_ref().map_or("dir".into(), |content| content.len().to_string());
            format!("{mode:04o} {size} {}\n", path.display())
        })
        .collect();
    expect![[r#"
        0750 dir 
        0750 dir prompts
        0640 10 prompts/hints.md
        0750 dir steps
        0750 dir steps/deploy
        0640 9 steps/deploy/content.md
        0640 5 steps/deploy/explain.md
        0640 9 steps/deploy/goss.yaml
        0640 6 steps/deploy/hints.md
        0750 dir steps/deploy/llm-docs
        0640 2 steps/deploy/llm-docs/a.md
        0640 2 steps/deploy/llm-docs/b.md
        0640 116 steps/deploy/llm.json
        0640 287 steps/deploy/meta.json
        0640 5 steps/deploy/solve.md
        0750 dir steps/intro
        0640 8 steps/intro/content.md
        0640 23 steps/intro/llm.json
        0640 253 steps/intro/meta.json
        0640 903 workshop.json
    "#]]
    .assert_eq(&listing);
    expect![[r#"
        {
          "name": "Both forms",
          "image": "org/both",
          "navigation": "guided",
          "llm": {
            "provider": "anthropic",
            "model": "some-model",
            "apiKeyEnv": "WORKSHOP_LLM_API_KEY",
            "maxTokens": 512,
            "defaultMode": "hints"
          },
          "infrastructure": {
            "cluster": {
              "enabled": true,
              "provider": "vcluster"
            },
            "extraContainers": [
              {
                "name": "db",
                "image": "postgres:16",
                "ports": [
                  {
                    "port": 5432,
                    "description": "Postgres"
                  }
                ],
                "env": {
                  "A": "2",
                  "B": "1"
                }
              }
            ]
          },
          "steps": [
            {
              "id": "intro",
              "title": "Introduction",
              "group": "basics",
              "position": 1
            },
            {
              "id": "deploy",
              "title": "Deploy",
              "group": "basics",
              "requires": [
                "intro"
              ],
              "position": 2
            }
          ]
        }
    "#]]
    .assert_eq(&fs::read_to_string(out.join("workshop.json")).unwrap());
    expect![[r#"
        {
          "id": "intro",
          "title": "Introduction",
          "group": "basics",
          "position": 1,
          "hasGoss": false,
          "hasLlm": true,
          "hasHints": false,
          "hasExplain": false,
          "hasSolve": false,
          "checkUser": "student",
          "env": [
            "MODE",
            "PORT"
          ]
        }
    "#]]
    .assert_eq(&fs::read_to_string(out.join("steps/intro/meta.json")).unwrap());
    expect![[r#"
        {
          "hasDocs": false
        }
    "#]]
    .assert_eq(&fs::read_to_string(out.join("steps/intro/llm.json")).unwrap());
    expect![[r#"
        {
          "id": "deploy",
          "title": "Deploy",
          "group": "basics",
          "requires": [
            "intro"
          ],
          "position": 2,
          "hasGoss": true,
          "hasLlm": true,
          "hasHints": true,
          "hasExplain": true,
          "hasSolve": true,
          "checkUser": "root",
          "env": [
            "MODE",
            "PORT",
            "TOKEN"
          ]
        }
    "#]]
    .assert_eq(&fs::read_to_string(out.join("steps/deploy/meta.json")).unwrap());
    expect![[r#"
        {
          "mode": "explain",
          "modes": [
            "hints",
            "explain"
          ],
          "context": "It is slow.",
          "hasDocs": true
        }
    "#]]
    .assert_eq(&fs::read_to_string(out.join("steps/deploy/llm.json")).unwrap());
}

#[test]
fn the_recipe() {
    let (dir, definition) = definition(INLINE);
    assert_eq!(definition.base, Base::ContainerFile(dir.path().join("base/Containerfile")));
    let deploy = &definition.steps[1];
    let files: Vec<_> = deploy
        .files
        .iter()
        .map(|file| (&*file.target, &*file.content, format!("{:04o}", file.mode)))
        .collect();
    assert_eq!(
        files,
        [
            ("/workspace/run.sh", &b"#!/bin/sh\n"[..], "0755".into()),
            ("/workspace/config", &b"a: b\n"[..], "0644".into())
        ]
    );
    assert_eq!(deploy.env, [("TOKEN".into(), "t".into()), ("MODE".into(), "prod".into())]);
    assert_eq!(deploy.commands, ["make", "make install"]);
    assert!(deploy.sudo);
    assert_eq!(definition.environment(0), [("MODE", "dev"), ("PORT", "80")]);
    assert_eq!(definition.environment(1), [("MODE", "prod"), ("PORT", "80"), ("TOKEN", "t")]);
}

#[test]
fn a_file_is_loaded_like_its_directory() {
    let (dir, definition) = definition(INLINE);
    assert_eq!(load(&dir.path().join("workshop.yaml")), Ok(definition));
}

#[test]
fn the_artifact_reads_back() {
    let (_dir, definition) = definition(INLINE);
    let (_out_dir, out) = compiled(&definition);
    let artifact = Artifact::load(&out).unwrap();
    assert_eq!(artifact.workshop().name, "Both forms");
    assert_eq!(artifact.steps().map(|step| &*step.id).collect::<Vec<_>>(), ["intro", "deploy"]);
    assert_eq!(artifact.step("deploy").unwrap().env, ["MODE", "PORT", "TOKEN"]);
    assert_eq!(artifact.content("deploy").unwrap(), "# Deploy\n");
    assert_eq!(artifact.goss_spec("intro").unwrap(), None);
    assert_eq!(artifact.goss_spec("deploy").unwrap().unwrap(), "port: {}\n");
    assert_eq!(artifact.help("intro", HelpMode::Hints).unwrap(), None);
    assert_eq!(artifact.help("deploy", HelpMode::Explain).unwrap().unwrap(), "Why.\n");
    assert_eq!(artifact.prompt(HelpMode::Hints).unwrap().unwrap(), "Be brief.\n");
    assert_eq!(artifact.prompt(HelpMode::Solve).unwrap(), None);
    assert_eq!(artifact.llm("deploy").unwrap().context.as_deref(), Some("It is slow."));
    let docs = artifact.llm_docs("deploy").unwrap();
    assert_eq!(docs, [("a.md".into(), "a\n".into()), ("b.md".into(), "b\n".into())]);
}

#[test]
fn compiling_again_replaces_the_artifact_and_nothing_else() {
    let (_dir, both) = definition(INLINE);
    let (_out_dir, out) = compiled(&both);
    write(&out, &[("runtime/state.jsonl", "a line\n")]);
    let mut fewer = both.clone();
    fewer.steps.truncate(1);
    fewer.prompts.clear();
    compile_artifact(&fewer, &out).unwrap();
    assert!(!out.join("steps/deploy").exists() && !out.join("prompts").exists());
    assert_eq!(fs::read_to_string(out.join("runtime/state.jsonl")).unwrap(), "a line\n");

    let before = tree(&out);
    compile_artifact(&fewer, &out).unwrap();
    assert_eq!(before, tree(&out));
}

#[test]
fn a_directory_with_anything_else_is_left_alone() {
    let (dir, definition) = definition(INLINE);
    let before = tree(dir.path());
    let refused = compile_artifact(&definition, dir.path());
    assert!(matches!(refused, Err(CompileError::Occupied(_))), "{refused:?}");
    assert_eq!(before, tree(dir.path()));
}

#[test]
fn an_llm_helps_in_every_step_that_offers_a_mode() {
    let steps = "steps:
- {id: a, title: A, markdown: text}
- {id: b, title: B, markdown: text, llm: {modes: []}}
";
    let (_dir, definition) = definition(steps);
    let has_llm: Vec<bool> = definition.steps.iter().map(|step| step.llm.is_some()).collect();
    assert_eq!(has_llm, [true, false]);
}

#[test]
fn pictures_are_found_by_name_only() {
    let (dir, _) = definition(INLINE);
    write(dir.path(), &[("steps/deploy/assets/plan.png", "png"), ("steps/deploy/assets/.hidden", "x")]);
    write(dir.path(), &[("workshop.yaml", &format!("{HEAD}steps: [intro, deploy]\n"))]);
    let (_out_dir, out) = compiled(&load(dir.path()).unwrap());
    std::os::unix::fs::symlink("/etc/passwd", out.join("steps/deploy/assets/link.png")).unwrap();
    let artifact = Artifact::load(&out).unwrap();
    assert_eq!(artifact.assets("deploy").collect::<Vec<_>>(), ["plan.png"]);
    assert_eq!(fs::read(artifact.asset("deploy", "plan.png").unwrap()).unwrap(), b"png");
    for name in
        ["", ".", "..", "../meta.json", "./plan.png", "/etc/passwd", "link.png", "plan.png\0", "%2e%2e"]
    {
        assert_eq!(artifact.asset("deploy", name), None, "{name:?}");
    }
    for id in ["", "..", "../deploy", "intro/../deploy", "deploy/", "nobody"] {
        assert_eq!(artifact.asset(id, "plan.png"), None, "{id:?}");
        assert_eq!(artifact.content(id).unwrap_err().kind(), std::io::ErrorKind::NotFound, "{id:?}");
    }
}
