import FoundationEssentials
import PodCore

@main
struct PodAgent {
    static func main() {
    }
}
