import CCurl
import Glibc

/// One handle of libcurl's: options, headers and what it says of failures. Nothing but HTTP and HTTPS, whatever a URL says.
class CurlHandle {
    /// libcurl's handle.
    let easy: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    /// nil when libcurl cannot take it: there is no memory, or the URL has megabytes.
    init?(url: String) {
        guard Self.library == CURLE_OK, let easy = curl_easy_init() else { return nil }
        self.easy = easy
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        guard ccurl_set_text(easy, CURLOPT_URL, url) == CURLE_OK else { return nil }
        ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        _ = ccurl_allow_http_only(easy)
        _ = ccurl_do_not_wait_for_names(easy)
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_HTTP_CONTENT_DECODING, 0)
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headers)
        errorText.deallocate()
    }

    /// Once in a process.
    static let library = ccurl_begin()

    func set(_ option: CURLoption, _ value: Int) {
        let code = ccurl_set_number(easy, option, value)
        precondition(code == CURLE_OK, "libcurl does not know option \(option.rawValue)")
    }

    /// libcurl copies the text.
    func set(_ option: CURLoption, _ value: String) {
        let code = ccurl_set_text(easy, option, value)
        precondition(code == CURLE_OK, "libcurl does not take option \(option.rawValue)")
    }

    /// Which HTTP is spoken. Returns whether libcurl was built with it.
    func speak(_ version: Int) -> Bool { ccurl_set_number(easy, CURLOPT_HTTP_VERSION, version) == CURLE_OK }

    /// Adds a header of its own; the value may be empty. `nil` takes out one that libcurl would send.
    func addHeader(_ name: String, _ value: String?) {
        let line =
            switch value {
            case nil: "\(name):"
            case "": "\(name);"
            case .some(let value): "\(name): \(value)"
            }
        headers = curl_slist_append(headers, line)
        ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, headers)
    }

    /// Posts these bytes, which libcurl copies.
    func post(_ body: [UInt8]) {
        set(CURLOPT_POST, 1)
        set(CURLOPT_POSTFIELDSIZE, body.count)
        body.withUnsafeBytes { bytes in
            // Read only: libcurl takes it for a constant, and the wrapper is for all kinds of pointers.
            let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            _ = ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, start)
        }
    }

    /// What libcurl says about the failure, or what it says about such failures.
    func explanation(of code: CURLcode) -> String {
        let text = String(cString: errorText)
        return text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    }

    func number(_ info: CURLINFO) -> Int {
        var value = 0
        return ccurl_get_number(easy, info, &value) == CURLE_OK ? value : 0
    }
}
