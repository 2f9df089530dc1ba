//! Tests of the Containerfile.

use std::fs;

use expect_test::expect;

use super::*;

fn definition(steps: &str) -> Definition {
    let folder = tempfile::tempdir().unwrap();
    let file = format!(
        "version: v1\nworkshop: {{name: \"A \\\"b\\\"\", image: localhost/a}}\nbase: {{image: workshop-base:debian}}\nsteps:\n{steps}"
    );
    fs::write(folder.path().join("workshop.yaml"), file).unwrap();
    workshop_definition::load(folder.path()).unwrap()
}

const STEPS: &str = r#"
  - id: one
    title: One
    markdown: Text
    files: [{path: "/workspace/a $b.txt", content: hi, mode: "0755"}]
    env: {A: "it's \"1\" $HOME \\", B: "two\nlines"}
    commands:
      - |
        cat <<EOF
        $A "quoted" \n
        EOF
      - "true"
  - {id: two, title: Two, markdown: Text, sudo: true}
"#;

#[test]
fn a_recipe_stage_and_an_output_stage_for_each_image() {
    let recipe = Recipe::of(&definition(STEPS)).unwrap();
    expect![[r#"
        FROM sha256:0123 AS fs-0
        USER 0
        WORKDIR /workspace
        ENTRYPOINT ["/sbin/tini","--","/usr/local/bin/workshop-backend"]
        CMD []
        RUN ["/bin/sh","-c","if command -v find > /dev/null; then exec find /workspace ! -user student -exec chown -h student: {} +; else exec chown -hR student: /workspace; fi","step-0-workspace"]

        FROM fs-0 AS out-0
        ENV WORKSHOP_IMAGE_STEP="step-0"
        LABEL \
          workshop.image="localhost/a" \
          workshop.name="A \"b\"" \
          workshop.steps="one,two" \
          org.opencontainers.image.title="A \"b\": step-0" \
          org.opencontainers.image.ref.name="localhost/a:step-0"
        ADD artifact.tar /

        FROM fs-0 AS env-1
        ADD step-1.tar /
        ARG VALUE_edc8c1284585d703
        ENV A="it's \"1\" \$HOME \\"
        ENV B="${VALUE_edc8c1284585d703}"
        FROM env-1 AS fs-1
        RUN ["/bin/sh","-c","cat \u003c\u003cEOF\n\u0024A \"quoted\" \\n\nEOF\n","step-1-command-1"]
        RUN ["/bin/sh","-c","true","step-1-command-2"]
        RUN ["/bin/sh","-c","if command -v find > /dev/null; then exec find /workspace ! -user student -exec chown -h student: {} +; else exec chown -hR student: /workspace; fi","step-1-workspace"]

        FROM fs-1 AS out-1
        ENV WORKSHOP_IMAGE_STEP="one"
        LABEL \
          workshop.image="localhost/a" \
          workshop.name="A \"b\"" \
          workshop.steps="one,two" \
          org.opencontainers.image.title="A \"b\": one" \
          org.opencontainers.image.ref.name="localhost/a:one"
        ADD artifact.tar /

        FROM fs-1 AS fs-2
        RUN ["/bin/sh","-c","command -v sudo > /dev/null || { echo 'there is no program sudo: install it in the base, or by a command of this step'; exit 1; }","step-2-sudo"]

        FROM fs-2 AS out-2
        ENV WORKSHOP_IMAGE_STEP="two"
        LABEL \
          workshop.image="localhost/a" \
          workshop.name="A \"b\"" \
          workshop.steps="one,two" \
          org.opencontainers.image.title="A \"b\": two" \
          org.opencontainers.image.ref.name="localhost/a:two"
        ADD sudo.tar /
        ADD artifact.tar /

    "#]].assert_eq(&recipe.text("sha256:0123"));
    assert_eq!(recipe.arguments.values().collect::<Vec<_>>(), ["two\nlines"]);
}

#[test]
fn an_instruction_is_found_again() {
    let recipe = Recipe::of(&definition(STEPS)).unwrap();
    let text = recipe.text("base");
    let places: Vec<String> =
        text.lines().filter_map(|line| recipe.place(line)).map(|place| format!("{place:?}")).collect();
    expect![[r#"
        Part { step: "step-0", part: "workspace" }
        Part { step: "one", part: "files" }
        Command { step: "one", number: 1, command: "cat <<EOF\n$A \"quoted\" \\n\nEOF\n" }
        Command { step: "one", number: 2, command: "true" }
        Part { step: "one", part: "workspace" }
        Part { step: "two", part: "sudo" }"#]]
    .assert_eq(&places.join("\n"));
}

#[test]
fn the_hash_of_a_recipe_covers_what_came_before_and_no_text() {
    let hashes = |steps: &str| {
        let recipe = Recipe::of(&definition(steps)).unwrap();
        ([0, 1, 2].map(|number| recipe.hash(number)), recipe.artifact_hash())
    };
    let (before, artifact) = hashes(STEPS);
    let (text, other_artifact) = hashes(&STEPS.replace("markdown: Text", "markdown: Other"));
    assert_eq!(text, before);
    assert_ne!(other_artifact, artifact);
    for (from, to) in
        [("\"true\"", "\"false\""), ("content: hi", "content: ho"), ("two\\nlines", "too\\nlines")]
    {
        let (changed, _) = hashes(&STEPS.replace(from, to));
        assert_eq!(changed[0], before[0], "{from}");
        assert!(changed[1] != before[1] && changed[2] != before[2], "{from}");
    }
    let (without_sudo, _) = hashes(&STEPS.replace(", sudo: true", ""));
    assert_eq!(without_sudo[1], before[1]);
    assert_ne!(without_sudo[2], before[2]);
}

#[test]
fn a_command_that_no_builder_reads_is_named() {
    let long = format!(
        "  - {{id: one, title: One, markdown: T, commands: [\"true\", \"echo {}\"]}}\n",
        "x".repeat(70_000)
    );
    let Err(Failure::Input(message)) = Recipe::of(&definition(&long)) else { panic!("accepted") };
    assert_eq!(message, "step one: command 2 is too long for a build; put it into a file of the step");
}
