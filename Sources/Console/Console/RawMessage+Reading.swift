import Bus
import Messages
import Wire

extension NodeStatus {
    /// Its bytes; nil for one that the schema cannot hold, which is not shown.
    var encodedForPages: EncodedMessage? {
        do throws(WireError) {
            return try encoded()
        } catch {
            return nil
        }
    }
}

extension RawMessage {
    /// The message as a value; nil for bytes that are no correct message of this type: what cannot be read is not
    /// shown, and whoever it was for says so.
    func read<Message: WireMessage>(as type: Message.Type) -> Message? {
        body.withUnsafeBytes { bytes in
            do throws(WireError) {
                return try Message(body: bytes, bulk: bulk)
            } catch {
                return nil
            }
        }
    }

    /// The message as JSON on one line; nil as with `read`.
    var json: String? {
        body.withUnsafeBytes { bytes in
            do throws(WireError) {
                return try MessageCatalogue.json(schema: envelope.schema, body: bytes, bulk: bulk)
            } catch {
                return nil
            }
        }
    }
}
