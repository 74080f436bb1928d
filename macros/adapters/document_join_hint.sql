{#-
    How Spark is to bring the documents of table A to the records, as the hint of their join; the setting `broadcast`.

    Sent to every executor, they take memory there and in the driver, and no record has to move. More documents than
    max_broadcast_documents are not sent: then both sides are sorted by the document, which moves every record of the
    partition once, and takes as little memory as there is. The rows are the same. A hint and no advice is given either
    way, because Spark would go by the sizes of compressed files.
-#}
{% macro document_join_hint(alias, documents) -%}
    {{ return(adapter.dispatch('document_join_hint', 'matched_ids')(alias, documents)) }}
{%- endmacro %}


{#- To other engines it is a comment. -#}
{% macro default__document_join_hint(alias, documents) -%}
    {{ return('/*+ broadcast(' ~ alias ~ ') */') }}
{%- endmacro %}


{% macro spark__document_join_hint(alias, documents) -%}
    {%- set chosen = matched_ids.setting('broadcast') | trim | lower or 'auto' -%}
    {%- if chosen not in ['auto', 'always', 'never'] -%}
        {%- do exceptions.raise_compiler_error(
            'The setting broadcast is "' ~ chosen ~ '". Set it to auto, always or never.') -%}
    {%- endif -%}
    {%- set limit = matched_ids.number_setting('max_broadcast_documents') -%}
    {%- set sent, why = chosen != 'never', 'as the setting broadcast says (' ~ chosen ~ ')' -%}
    {#- What only compiles may do so before the documents are there; a unit test gives rows in their place. -#}
    {%- set counts = execute and chosen == 'auto' and not documents.is_cte and documents.limit != 0
        and invocation_args_dict.which not in ['compile', 'generate', 'show'] -%}
    {%- if counts -%}
        {%- set found = run_query('select count(*) from ' ~ documents.render()).rows[0][0] | int -%}
        {%- set sent = found <= limit -%}
        {%- set why = 'there are ' ~ '{:,}'.format(found) ~ ', and max_broadcast_documents is ' ~ '{:,}'.format(limit) -%}
    {%- endif -%}
    {%- if execute and not documents.is_cte -%}
        {%- do log(this.identifier ~ ': the documents of table A ' ~ (
            'are sent to every executor (broadcast): ' if sent
            else 'are not sent to every executor, but shuffled as the records are (merge): ') ~ why, info=true) -%}
    {%- endif -%}
    {{ return('/*+ ' ~ ('broadcast' if sent else 'merge') ~ '(' ~ alias ~ ') */') }}
{%- endmacro %}
