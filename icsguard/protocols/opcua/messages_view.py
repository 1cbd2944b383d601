"""Parameters of the services on the address space itself: node management, view (P4 §5.7, §5.8)."""

from __future__ import annotations

from typing import NamedTuple

from icsguard.protocols.opcua.builtin import Diagnostic, Extension, Localized, Name
from icsguard.protocols.opcua.codec import I32, U32, Array, Blob, Bool, Status, Text, Ticks
from icsguard.protocols.opcua.nodes import Expanded, Node


class AddNodesItem(NamedTuple):
    """P4 §5.7.2."""

    parent: Expanded
    reference: Node
    node: Expanded
    name: Name
    node_class: I32
    attributes: Extension
    type: Expanded


class AddNodesRequest(NamedTuple):
    """P4 §5.7.2."""

    items: Array[AddNodesItem]


class AddNodesResult(NamedTuple):
    """P4 §5.7.2."""

    status: Status
    node: Node


class AddNodesResponse(NamedTuple):
    """P4 §5.7.2."""

    results: Array[AddNodesResult]
    diagnostics: Array[Diagnostic]


class AddReferencesItem(NamedTuple):
    """P4 §5.7.3."""

    source: Node
    reference: Node
    forward: Bool
    server: Text
    node: Expanded
    node_class: I32


class AddReferencesRequest(NamedTuple):
    """P4 §5.7.3."""

    items: Array[AddReferencesItem]


class StatusResponse(NamedTuple):
    """One StatusCode for each item: the answer of many services."""

    results: Array[Status]
    diagnostics: Array[Diagnostic]


class DeleteNodesItem(NamedTuple):
    """P4 §5.7.4."""

    node: Node
    references: Bool


class DeleteNodesRequest(NamedTuple):
    """P4 §5.7.4."""

    items: Array[DeleteNodesItem]


class DeleteReferencesItem(NamedTuple):
    """P4 §5.7.5."""

    source: Node
    reference: Node
    forward: Bool
    node: Expanded
    both: Bool


class DeleteReferencesRequest(NamedTuple):
    """P4 §5.7.5."""

    items: Array[DeleteReferencesItem]


class ViewDescription(NamedTuple):
    """P4 §7."""

    view: Node
    timestamp: Ticks
    version: U32


class BrowseDescription(NamedTuple):
    """P4 §5.8.2."""

    node: Node
    direction: I32
    reference: Node
    subtypes: Bool
    classes: U32
    mask: U32


class BrowseRequest(NamedTuple):
    """P4 §5.8.2."""

    view: ViewDescription
    most: U32
    items: Array[BrowseDescription]


class ReferenceDescription(NamedTuple):
    """P4 §7."""

    reference: Node
    forward: Bool
    node: Expanded
    name: Name
    display: Localized
    node_class: I32
    type: Expanded


class BrowseResult(NamedTuple):
    """P4 §7."""

    status: Status
    continuation: Blob
    references: Array[ReferenceDescription]


class BrowseResponse(NamedTuple):
    """P4 §5.8.2."""

    results: Array[BrowseResult]
    diagnostics: Array[Diagnostic]


class BrowseNextRequest(NamedTuple):
    """P4 §5.8.3."""

    release: Bool
    continuations: Array[Blob]


class RelativePathElement(NamedTuple):
    """P4 §7."""

    reference: Node
    inverse: Bool
    subtypes: Bool
    name: Name


class BrowsePath(NamedTuple):
    """P4 §5.8.4: a start and the RelativePath from it."""

    start: Node
    elements: Array[RelativePathElement]


class TranslateRequest(NamedTuple):
    """TranslateBrowsePathsToNodeIds, P4 §5.8.4."""

    items: Array[BrowsePath]


class BrowsePathTarget(NamedTuple):
    """P4 §5.8.4."""

    node: Expanded
    remaining: U32


class BrowsePathResult(NamedTuple):
    """P4 §5.8.4."""

    status: Status
    targets: Array[BrowsePathTarget]


class TranslateResponse(NamedTuple):
    """P4 §5.8.4."""

    results: Array[BrowsePathResult]
    diagnostics: Array[Diagnostic]


class RegisterNodesRequest(NamedTuple):
    """P4 §5.8.5."""

    nodes: Array[Node]


class RegisterNodesResponse(NamedTuple):
    """P4 §5.8.5: the aliases, one for each node."""

    nodes: Array[Node]


class UnregisterNodesRequest(NamedTuple):
    """P4 §5.8.6."""

    nodes: Array[Node]
