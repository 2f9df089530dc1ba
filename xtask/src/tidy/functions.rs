//! How long a function may be.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, Item, ItemFn, Signature, TraitItemFn};

use super::rust::{self, Sources};
use super::sources;

/// Lines from the signature to the closing brace. A longer function does more than one thing.
const LONGEST: usize = 80;

pub(super) fn check(sources: &Sources) -> Vec<String> {
    let shipped = sources.iter().filter(|(path, _)| !sources::test(path));
    shipped.flat_map(|(path, file)| findings_in(path, file)).collect()
}

fn findings_in(path: &Path, file: &syn::File) -> Vec<String> {
    let mut functions = Functions { path, findings: Vec::new() };
    functions.visit_file(file);
    functions.findings
}

struct Functions<'a> {
    path: &'a Path,
    findings: Vec<String>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let first = signature.span().start().line;
        let lines = block.brace_token.span.close().end().line + 1 - first;
        if lines > LONGEST {
            let (path, name) = (self.path.display(), &signature.ident);
            let finding = format!("{path}:{first}: `{name}` has {lines} lines; {LONGEST} is the most");
            self.findings.push(finding);
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !rust::only_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: Expect) {
        let file = syn::parse_file(text).unwrap();
        expected.assert_eq(&findings_in(Path::new("a.rs"), &file).join("\n"));
    }

    fn long(signature: &str, lines: usize) -> String {
        format!("{signature} {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_is_short() {
        check(&long("fn short()", 80), expect![""]);
        check(
            &long("/// Works.\n#[inline]\nfn long()", 81),
            expect!["a.rs:3: `long` has 81 lines; 80 is the most"],
        );
        check(
            &format!("impl A {{\n{}}}\ntrait B {{\n{}}}\n", long("fn a()", 81), long("fn b()", 82)),
            expect![[r#"
                a.rs:2: `a` has 81 lines; 80 is the most
                a.rs:85: `b` has 82 lines; 80 is the most"#]],
        );
        check(
            &long("fn outer()", 79).replacen("work();", &long("fn inner()", 81), 1),
            expect![[r#"
                a.rs:1: `outer` has 160 lines; 80 is the most
                a.rs:2: `inner` has 81 lines; 80 is the most"#]],
        );
    }

    #[test]
    fn tests_are_as_long_as_they_need() {
        check(&format!("#[cfg(test)]\nmod tests {{\n{}}}\n", long("fn a()", 90)), expect![""]);
        check(&format!("#[test]\n{}", long("fn a()", 90)), expect![""]);
        check(
            &format!("#[cfg(not(test))]\n{}", long("fn a()", 90)),
            expect!["a.rs:2: `a` has 90 lines; 80 is the most"],
        );
    }
}
