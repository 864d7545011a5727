/// What is remembered of a Pod's attachment from before the first `ADD` until `DEL` has gone through, so that a `DEL` is
/// always done with what the `ADD` was done with: neither a crash nor a changed configuration leaks an address.
public struct CNIRecord: Sendable, Equatable {
    /// How far the attachment had come.
    public enum State: Sendable, Equatable {
        /// `ADD` may have done all, nothing or anything in between.
        case begun
        /// All plugins have done theirs; with the result of the last.
        case attached(CNIResult)
    }

    /// The network, as its configuration was then.
    public let network: CNINetwork
    /// What the plugins were told.
    public let attachment: CNIAttachment
    /// How far it has come.
    public var state: State

    /// Makes it of its parts.
    public init(network: CNINetwork, attachment: CNIAttachment, state: State) {
        self.network = network
        self.attachment = attachment
        self.state = state
    }

    /// The result; nil while there is none.
    public var result: CNIResult? {
        if case .attached(let result) = state { return result }
        return nil
    }

    private static let version: Int64 = 1

    /// As it is on disk.
    public var document: Document {
        let portMappings = attachment.portMappings.map { Document(.map($0.mapping)) }
        var entries: [Document.Entry] = [
            .init("version", Document(.integer(Self.version))),
            .init("containerID", Document(.string(attachment.containerID))),
            .init("interface", Document(.string(attachment.interface))),
            .init("arguments", Document(.string(attachment.arguments))),
            .init(
                "pluginDirectories",
                Document(.list(attachment.pluginDirectories.map { Document(.string($0)) }))
            ),
            .init("portMappings", Document(.list(portMappings))),
            .init("network", network.document),
        ]
        if let result { entries.append(.init("result", result.document)) }
        return Document(.map(entries))
    }

    /// Why a record cannot be used.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case version(Int64?)
        case malformed(String)

        /// Half a sentence.
        public var description: String {
            switch self {
            case .version(let version?): "it has version \(version), not \(CNIRecord.version)"
            case .version(nil): "it has no version"
            case .malformed(let what): what
            }
        }
    }

    /// Reads it from disk.
    public init(_ document: Document) throws(Failure) {
        let version = document["version"]?.integer
        guard version == Self.version else { throw .version(version) }
        attachment = CNIAttachment(
            containerID: try Self.text("containerID", in: document),
            interface: try Self.text("interface", in: document),
            arguments: try Self.text("arguments", in: document),
            pluginDirectories: try Self.list("pluginDirectories", in: document) { $0.string },
            portMappings: try Self.list("portMappings", in: document) { HostPort(mapping: $0) }
        )
        do throws(CNIConfigurationFailure) {
            network = try CNINetwork(document["network"] ?? .null, form: .list)
        } catch {
            throw .malformed("network: \(error)")
        }
        guard let result = document["result"] else {
            state = .begun
            return
        }
        do throws(CNIResult.Failure) {
            state = .attached(try CNIResult(result, interface: attachment.interface))
        } catch {
            throw .malformed("\(error)")
        }
    }

    private static func text(_ key: String, in document: Document) throws(Failure) -> String {
        guard let text = document[key]?.string else { throw .malformed("\(key) is no string") }
        return text
    }

    private static func list<Element>(
        _ key: String,
        in document: Document,
        _ read: (Document) -> Element?
    ) throws(Failure) -> [Element] {
        guard case .list(let items)? = document[key]?.value else { throw .malformed("\(key) is no list") }
        let elements = items.compactMap(read)
        guard elements.count == items.count else { throw .malformed("\(key) has an element that is none") }
        return elements
    }
}
