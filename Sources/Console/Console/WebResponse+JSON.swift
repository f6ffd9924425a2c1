import JSONTree

extension WebResponse {
    /// Makes an answer of JSON; never kept by a browser, as the disk and the run may change.
    package static func json(_ node: JSONNode, status: Int = 200) -> WebResponse {
        WebResponse(
            status: status, headers: ["Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"],
            body: Array(node.text().utf8))
    }

    /// Makes the answer to a request that cannot be fulfilled.
    /// - Parameter words: what was found, and how to mend it.
    package static func error(_ status: Int, _ words: String) -> WebResponse {
        json(.object(["error": JSONNode(words)]), status: status)
    }

    /// Makes the answer to a command.
    static func command(isAccepted: Bool, _ words: String, status: Int? = nil) -> WebResponse {
        json(
            .object(["accepted": JSONNode(.bool(isAccepted)), "message": JSONNode(words)]),
            status: status ?? (isAccepted ? 200 : 409))
    }

    /// Makes an answer of a JPEG file.
    /// - Parameter isLasting: whether what has this address does not change; a browser may keep it for ten minutes.
    package static func jpeg(_ file: some Collection<UInt8>, isLasting: Bool) -> WebResponse {
        WebResponse(
            headers: [
                "Content-Type": "image/jpeg", "Cache-Control": isLasting ? "private, max-age=600" : "no-store",
            ], body: Array(file))
    }
}
