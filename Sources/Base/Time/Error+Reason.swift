import Foundation

extension Error {
    /// Why something could not be done, to be put into a sentence: Foundation's own words end with a full stop.
    package var reason: String {
        var words = localizedDescription
        while words.last == "." { words.removeLast() }
        return words
    }
}
