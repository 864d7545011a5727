import CYAML
import PodCore

/// libyaml's parser as a sequence of events. The wrapper around the C library ends here.
struct YAMLEvents {
    enum Kind {
        case streamStart, streamEnd
        case documentStart, documentEnd
        case alias, scalar
        case listStart, listEnd
        case mapStart, mapEnd
    }

    struct Event {
        var kind: Kind
        /// Counted from 1.
        var line: Int
        /// Of a scalar: its content, unquoted and unescaped.
        var text = ""
        /// Of a scalar: whether it stood without quotes and not as a block.
        var isPlain = false
        /// The anchor that a value defines or an alias refers to.
        var anchor: String?
        var tag: String?
    }

    /// On the heap, because libyaml keeps pointers into it.
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// `text` must outlive the last call of ``next()``; ``finish()`` must be called once.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        // It fails only when memory runs out, and then so has everything else.
        precondition(yaml_parser_initialize(parser) == 1, "yaml_parser_initialize: out of memory")
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    func finish() {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    mutating func next() throws(ManifestProblem) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw problem }
        defer { yaml_event_delete(&event) }
        let line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_STREAM_START_EVENT: return Event(kind: .streamStart, line: line)
        case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, line: line)
        case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, line: line)
        case YAML_ALIAS_EVENT:
            return Event(kind: .alias, line: line, anchor: Self.string(event.data.alias.anchor))
        case YAML_SCALAR_EVENT: return Self.scalar(event, line: line)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            let (anchor, tag) = (Self.string(start.anchor), Self.string(start.tag))
            return Event(kind: .listStart, line: line, anchor: anchor, tag: tag)
        case YAML_SEQUENCE_END_EVENT: return Event(kind: .listEnd, line: line)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            let (anchor, tag) = (Self.string(start.anchor), Self.string(start.tag))
            return Event(kind: .mapStart, line: line, anchor: anchor, tag: tag)
        case YAML_MAPPING_END_EVENT: return Event(kind: .mapEnd, line: line)
        default:
            // YAML_NO_EVENT is what libyaml gives after the end of the stream.
            return Event(kind: .streamEnd, line: line)
        }
    }

    private static func scalar(_ event: yaml_event_t, line: Int) -> Event {
        let scalar = event.data.scalar
        let content = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return Event(
            kind: .scalar,
            line: line,
            text: String(decoding: content, as: UTF8.self),
            isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE,
            anchor: string(scalar.anchor),
            tag: string(scalar.tag)
        )
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    /// libyaml's own words. What it was reading (`context`) and where that began often helps more than the place
    /// where it gave up, as with a bracket that is never closed.
    private var problem: ManifestProblem {
        let state = parser.pointee
        var message = state.problem.map { String(cString: $0) } ?? "not YAML"
        if let context = state.context {
            message += " \(String(cString: context)) that began on line \(state.context_mark.line + 1)"
        }
        let isEncoding = state.error == YAML_READER_ERROR
        return ManifestProblem(line: isEncoding ? nil : Int(state.problem_mark.line) + 1, message: message)
    }
}
