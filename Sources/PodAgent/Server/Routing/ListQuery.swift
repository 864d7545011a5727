import PodCore

/// The query of a list or watch, checked (`metav1.ListOptions`).
///
/// `limit` has no effect, which its contract allows: a server may answer with everything and no `continue`, and a node
/// has too few Pods to cut the list into pieces that would have to be kept consistent.
struct ListQuery<Object: Sendable>: Sendable {
    let labels: LabelQuery
    let fields: FieldQuery
    let isWatch: Bool
    /// Nil when absent or `0`: whatever is newest.
    let resourceVersion: UInt64?
    let initialEvents: InitialEvents
    let allowsBookmarks: Bool
    /// After how many seconds a watch ends.
    let watchSeconds: Int64

    /// Whether a watch begins with the objects that exist.
    enum InitialEvents: Hashable, Sendable {
        /// It does when it asks for no version.
        case byVersion
        /// It does, and a bookmark follows them.
        case requested
        case suppressed
    }

    /// A watch without a time of its own ends after this or up to twice as long, so that not all come back at once.
    private static var watchSecondsMin: Int64 { 1_800 }

    private let selectable: SelectableFields<Object>

    init(_ target: RequestTarget, _ selectable: SelectableFields<Object>) throws(StatusFailure) {
        self.selectable = selectable
        labels = try LabelQuery(parsing: target["labelSelector"] ?? "")
        fields = try FieldQuery(parsing: target["fieldSelector"] ?? "")
        try fields.check(against: selectable)
        isWatch = target.flag("watch")
        allowsBookmarks = target.flag("allowWatchBookmarks")
        let seconds = try target.integer("timeoutSeconds") ?? 0
        watchSeconds =
            seconds > 0
            ? min(seconds, 365 * 86_400)
            : Int64.random(in: Self.watchSecondsMin...2 * Self.watchSecondsMin)
        initialEvents =
            target["sendInitialEvents"] == nil
            ? .byVersion : target.flag("sendInitialEvents") ? .requested : .suppressed
        resourceVersion = try Self.version(target["resourceVersion"] ?? "")
        try Self.check(target, isWatch: isWatch)
    }

    /// Where a watch begins; nil is with the objects that exist.
    var since: UInt64? { initialEvents == .requested ? nil : resourceVersion }

    func matches(_ object: Object, metadata: ObjectMeta, namespace: String?) -> Bool {
        (namespace == nil || metadata.namespace == namespace) && labels.matches(metadata.labels)
            && fields.matches(object, selectable)
    }

    private static func version(_ text: String) throws(StatusFailure) -> UInt64? {
        guard !text.isEmpty else { return nil }
        guard let version = UInt64(text), text.utf8.allSatisfy(\.isDigit) else {
            throw .badRequest(
                "Invalid value: \(text.quoted): strconv.ParseUint: parsing \(text.quoted): invalid syntax"
            )
        }
        return version == 0 ? nil : version
    }

    /// The rules for what may stand beside what.
    private static func check(_ target: RequestTarget, isWatch: Bool) throws(StatusFailure) {
        var errors: [FieldError] = []
        let match = target["resourceVersionMatch"] ?? ""
        let hasVersion = !(target["resourceVersion"] ?? "").isEmpty
        let path = FieldPath("resourceVersionMatch")
        if !match.isEmpty, match != "Exact", match != "NotOlderThan" {
            errors.append(.unsupported(path, match, supported: ["Exact", "NotOlderThan"]))
        }
        if let initial = target["sendInitialEvents"] {
            if !isWatch {
                errors.append(
                    .forbidden(FieldPath("sendInitialEvents"), "sendInitialEvents is forbidden for list")
                )
            } else if match != "NotOlderThan", initial != "false" {
                errors.append(
                    .forbidden(
                        path,
                        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                    )
                )
            }
        } else if !match.isEmpty {
            if isWatch {
                errors.append(
                    .forbidden(
                        path,
                        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                    )
                )
            } else if !hasVersion {
                errors.append(
                    .forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
                )
            } else if match == "Exact", target["resourceVersion"] == "0" {
                errors.append(
                    .forbidden(path, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
                )
            }
        }
        guard errors.isEmpty else { throw .invalid(kind: "ListOptions", name: "", errors) }
        guard (target["continue"] ?? "").isEmpty else {
            throw .badRequest("continue key is not valid: this server never cuts a list")
        }
    }
}

extension ListQuery {
    /// Whether a list at `current` may answer the request: an exact version must be the newest, because older lists are
    /// not kept, and none can be answered from the future.
    func check(listAt current: UInt64, match: String?) throws(StatusFailure) {
        guard let wanted = resourceVersion else { return }
        if wanted > current {
            throw StatusFailure(.timeout, "Too large resource version: \(wanted), current: \(current)")
        }
        if match == "Exact", wanted != current { throw .expired(wanted, oldest: current) }
    }
}
