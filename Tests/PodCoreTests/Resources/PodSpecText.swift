@testable import PodCore

/// The spec that a text in relaxed JSON describes, with its defaults filled in.
func podSpec(_ text: String) -> PodSpec {
    var report = DecodeReport(checksSupport: false)
    var pod = Pod()
    pod.spec = PodSpec.decode(relaxed(text), at: .root, report: &report) ?? PodSpec()
    Defaulting.apply(to: &pod)
    return pod.spec
}
