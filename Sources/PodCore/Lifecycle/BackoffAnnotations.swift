/// The crash-loop back-off that a Pod asks for itself, by annotations.
///
/// ```yaml
/// metadata:
///   annotations:
///     podagent.io/backoff-initial: 500ms     # instead of the node's --restart-backoff
///     podagent.io/backoff-max: 2m30s         # instead of the node's --restart-backoff-max
/// ```
extension BackoffLimits {
    /// What a Pod may ask for. With less, a container that fails at once would keep a processor and the disk busy with
    /// nothing but its restarts.
    static let permitted = Duration.milliseconds(100)...Duration.seconds(86_400)

    /// An annotation that cannot be followed.
    public struct AnnotationFailure: Error, Equatable, Sendable {
        /// Its name.
        public var annotation: OwnAnnotation
        /// What it says.
        public var value: String
        /// What it must be.
        public var rule: String
    }

    /// The node's limits, with what the Pod says instead. If it names one of the two, the other gives way: a first delay
    /// above the node's ceiling is the ceiling too, and so is a ceiling below the node's first delay.
    public init(annotations: [String: String], defaults: BackoffLimits) throws(AnnotationFailure) {
        let initial = try Self.duration(.backoffInitial, annotations)
        let maximum = try Self.duration(.backoffMaximum, annotations)
        if let initial, let maximum, initial > maximum {
            throw AnnotationFailure(
                annotation: .backoffInitial,
                value: annotations[OwnAnnotation.backoffInitial.rawValue] ?? "",
                rule: "must not be longer than \(OwnAnnotation.backoffMaximum.rawValue), \(maximum.goText)"
            )
        }
        self.init(
            initial: initial ?? defaults.initial,
            maximum: maximum ?? max(defaults.maximum, initial ?? .zero)
        )
    }

    private static func duration(
        _ annotation: OwnAnnotation,
        _ annotations: [String: String]
    ) throws(AnnotationFailure) -> Duration? {
        guard let text = annotations[annotation.rawValue] else { return nil }
        guard let duration = Duration(goText: text), permitted.contains(duration) else {
            let rule =
                "must be a duration such as 500ms, 1s or 2m30s, from \(permitted.lowerBound.goText) to 24h"
            throw AnnotationFailure(annotation: annotation, value: text, rule: rule)
        }
        return duration
    }
}
