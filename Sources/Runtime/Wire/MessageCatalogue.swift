import Files
import Images
import Messages
import SwiftProtobuf

/// Every message type by its schema name, for programs that show messages whose type they do not know.
package enum MessageCatalogue {
    private struct Entry: Sendable {
        let name: String
        let text: @Sendable (UnsafeRawBufferPointer, SharedBytes?) throws(WireError) -> String
    }

    private static func entry<M: WireMessage, Proto: SwiftProtobuf.Message>(_: M.Type, _: Proto.Type) -> Entry {
        Entry(name: M.schemaName) { (body, bulk) throws(WireError) in
            _ = try M(body: body, bulk: bulk)
            let proto = try M.parse(Proto.self, from: body)
            var options = JSONEncodingOptions()
            options.preserveProtoFieldNames = true
            options.alwaysPrintInt64sAsNumbers = true
            do {
                return try proto.jsonString(options: options)
            } catch {
                throw .malformed(schema: M.schemaName, byteCount: body.count)
            }
        }
    }

    private static let entries = [
        entry(ActionChunk.self, Octo_ActionChunk.self), entry(ArmCommand.self, Octo_ArmCommand.self),
        entry(ArmState.self, Octo_ArmState.self), entry(ArmTrace.self, Octo_ArmTrace.self),
        entry(CameraFrame.self, Octo_CameraFrame.self),
        entry(ChunkReport.self, Octo_ChunkReport.self), entry(EpisodeCommand.self, Octo_EpisodeCommand.self),
        entry(EpisodeResult.self, Octo_EpisodeResult.self), entry(EpisodeState.self, Octo_EpisodeState.self),
        entry(Goal.self, Octo_Goal.self), entry(GoalCommand.self, Octo_GoalCommand.self),
        entry(GoalFit.self, Octo_GoalFit.self), entry(GoalResult.self, Octo_GoalResult.self),
        entry(LoopReport.self, Octo_LoopReport.self), entry(ManualCommand.self, Octo_ManualCommand.self),
        entry(NodeStatus.self, Octo_NodeStatus.self), entry(PolicyObservation.self, Octo_PolicyObservation.self),
        entry(RunEvent.self, Octo_RunEvent.self), entry(SimulationCommand.self, Octo_SimulationCommand.self),
        entry(SimulationResult.self, Octo_SimulationResult.self),
    ]

    /// The names of all message types, ascending.
    package static var schemaNames: [String] { entries.map(\.name) }

    /// A message as JSON on one line, with the field names of the schema (which carry the units). Bulk bytes are not in
    /// it. Numbers of 64 bits are printed as numbers.
    /// - Throws: `WireError` when the schema is unknown, or the bytes are not a correct message of it.
    package static func json(
        schema: String, body: UnsafeRawBufferPointer, bulk: SharedBytes?
    ) throws(WireError) -> String {
        guard let entry = entries.first(where: { $0.name == schema }) else {
            throw .unknownSchema(schema, known: schemaNames)
        }
        return try entry.text(body, bulk)
    }
}
