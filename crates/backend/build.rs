//! Embeds the pages of student and instructor.

fn main() -> std::io::Result<()> {
    workshop_pages::embed::folder("../../web/dist")
}
