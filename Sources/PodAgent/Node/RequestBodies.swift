import PodCore

/// Request bodies, by their content type.
enum RequestBodies {
    static func parse(_ bytes: [UInt8], _ contentType: String) -> Result<[Document], StatusFailure> {
        guard let parsed = ManifestParser.parse(body: bytes, contentType: contentType) else {
            let message =
                "the body's type \"\(contentType)\" is not supported: send application/json or application/yaml"
            return .failure(StatusFailure(.unsupportedMediaType, message))
        }
        if let problem = parsed.problems.first { return .failure(.badRequest(problem.description)) }
        return .success(parsed.documents)
    }
}
