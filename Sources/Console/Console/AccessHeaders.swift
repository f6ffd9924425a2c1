extension Access {
    /// Fields that every response has, errors and pages alike.
    ///
    /// - The content policy: only our own scripts and styles, and none of either inside a page. A goal's name with
    ///   HTML in it stays text even where a page would forget to escape it.
    /// - Referrer-Policy is `same-origin`, not `no-referrer`: with the latter a browser says `Origin: null` when it
    ///   posts the login form, as a foreign frame would.
    package static let headers: [String: String] = [
        "Content-Security-Policy":
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            + "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    ]

    /// `headers`, and how long a browser may keep the answer: files of the page until it has asked whether they are
    /// still so, all else (what the robot sees, who is logged in) not at all.
    /// - Parameter path: of the request.
    package static func headers(for path: String) -> [String: String] {
        var fields = headers
        fields["Cache-Control"] = path.hasPrefix("/page/") ? "no-cache" : "no-store"
        return fields
    }
}
