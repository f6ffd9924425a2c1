import MCAPFiles

/// Records that a file has of itself at its end, once its writer knows what it had to drop.
package struct EpisodeClosing: Equatable, Sendable {
    /// Name, outcome, notes, times.
    package var summary: MCAP.Metadata
    package var proof: SequenceProof
    /// Names of the topics by channel.
    package var topics: [UInt16: String]

    /// The last records of the file.
    /// - Parameter drops: what did not get into it, by channel.
    package func records(drops: [UInt16: MCAPFileWriter.Drops] = [:]) -> [MCAP.Metadata] {
        var proof = proof
        for (channel, dropped) in drops.sorted(by: { $0.key < $1.key }) {
            guard let topic = topics[channel] else { continue }
            proof.drop(
                dropped.count, in: dropped.ranges.map { UInt64($0.lowerBound)...UInt64($0.upperBound) }, of: topic)
        }
        return [summary, proof.metadata]
    }
}
