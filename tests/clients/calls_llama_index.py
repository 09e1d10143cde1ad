"""LlamaIndex's rerankers: Cohere's by /v2/rerank, Jina's by /v1/rerank."""

from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank

QUERY = "How do I reset my password?"
TEXTS = ["It rains.", "To reset your password, open the settings.", "Bananas are rich in potassium."]


@pytest.fixture(params=["cohere", "jina"])
def reranker(request: Any, target: Any) -> Any:
    asked = {"model": target.models["rerank"], "api_key": target.key, "top_n": 2}
    if request.param == "cohere":
        return CohereRerank(base_url=target.url, max_retries=1, **asked)
    return JinaRerank(base_url=target.v1, **asked)


def test_nodes_come_back_in_order_with_their_scores(reranker: Any) -> None:
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.1) for text in TEXTS]
    ranked = reranker.postprocess_nodes(nodes, query_str=QUERY)
    assert ranked[0].node.get_content() == TEXTS[1]
    assert len(ranked) == 2
    assert ranked[0].score > ranked[1].score
