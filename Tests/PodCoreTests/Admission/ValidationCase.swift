import Testing

@testable import PodCore

/// One change to a Pod that is otherwise fine, and everything that must then be said about it.
struct ValidationCase: Sendable, CustomTestStringConvertible {
    /// Where the change is made.
    enum Place: Sendable {
        case metadata, spec, container, initContainer, volume, port, env, mount, probe, resources
    }

    var place: Place
    var change: String
    var expected: [String]

    init(_ place: Place, _ change: String, _ expected: String...) {
        self.place = place
        self.change = change
        self.expected = expected
    }

    var testDescription: String { "\(place) \(change.prefix(80))" }

    /// The errors of the changed Pod: those of decoding and those of validation. As in the reference, `c` stands
    /// for the first container and paths that begin elsewhere than in the metadata are relative to the spec.
    func errors() -> [String] {
        var report = DecodeReport(checksSupport: false)
        let document = pod()
        guard var pod = Pod.decode(document, at: .root, report: &report) else { return ["not decoded"] }
        Defaulting.apply(to: &pod)
        let identity = PodIdentity(
            nodeName: "node1",
            source: .file("/etc/pods/p.yaml"),
            seenAt: .init(seconds: 0)
        )
        identity.apply(to: &pod, from: document)
        return report.problems.map(\.text) + Validation.errors(in: pod).map(\.description)
    }

    /// The expected texts with their paths written out.
    var expectedTexts: [String] {
        expected.map { text in
            if text.hasPrefix("metadata") || text.hasPrefix("spec.") { return text }
            if text.hasPrefix("c.") { return "spec.containers[0]" + text.dropFirst() }
            return "spec." + text
        }
    }

    private func pod() -> Document {
        let change = relaxed(change)
        var container = relaxed("{name: c, image: i}")
        var metadata = relaxed("{name: web}")
        var spec = Document.map([:])
        switch place {
        case .metadata: metadata = metadata.changed(change)
        case .spec: spec = spec.changed(change)
        case .container: container = container.changed(change)
        case .initContainer:
            let initContainer = relaxed("{name: i, image: i}").changed(change)
            spec = spec.changed(.map(["initContainers": [initContainer]]))
        case .volume: spec = spec.changed(.map(["volumes": [relaxed("{name: v}").changed(change)]]))
        case .port:
            container = container.changed(.map(["ports": [relaxed("{containerPort: 80}").changed(change)]]))
        case .env: container = container.changed(.map(["env": [relaxed("{name: E}").changed(change)]]))
        case .mount:
            spec = spec.changed(relaxed("{volumes: [{name: v}]}"))
            let mount = relaxed("{name: v, mountPath: /a}").changed(change)
            container = container.changed(.map(["volumeMounts": [mount]]))
        case .probe:
            let probe = relaxed("{exec: {command: [x]}}").changed(change)
            container = container.changed(.map(["livenessProbe": probe]))
        case .resources: container = container.changed(.map(["resources": change]))
        }
        if spec["containers"] == nil { spec = spec.changed(.map(["containers": [container]])) }
        return .map(["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec])
    }
}

/// The texts that several rules share, as the reference gives them.
enum Text {
    static let label =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    static let subdomain =
        #"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
    static let dots = "must not contain dots"
    static let tooLong = "must be no more than 63 characters"
    static let qualifiedName =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    static let labelValue =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    static let port = "must be between 1 and 65535, inclusive"
    static let environment =
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    static let address = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    static let header =
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
    static let mode = "must be a number between 0 and 0777 (octal), both inclusive"
    static let id = "must be between 0 and 2147483647, inclusive"
}
