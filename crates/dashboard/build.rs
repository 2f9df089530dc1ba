//! Embeds the instructors' pages.

fn main() -> std::io::Result<()> {
    workshop_pages::embed::folder("../../web/dist-dashboard")
}
