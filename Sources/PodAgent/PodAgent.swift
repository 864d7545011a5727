import Glibc

@main
struct PodAgent {
    static func main() {
        exit(Program.run(Array(CommandLine.arguments.dropFirst()), .standard))
    }
}
