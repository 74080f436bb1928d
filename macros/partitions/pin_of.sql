{#-
    The partition that a person pinned of a table, or none: what was given to latest_partition, else the setting
    pinned_partition, which is about table B alone. A pin of one table would silently be one of another's too.
-#}
{% macro pin_of(relation, given=none) -%}
    {%- if given is not none -%}
        {%- if not given | string | trim -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: the argument pinned_partition for ' ~ relation.render() ~ ' is blank. Leave it out, or'
                ~ ' let it be none, to read the newest partition.') -%}
        {%- endif -%}
        {{ return(given) }}
    {%- endif -%}
    {{ return(matched_ids.setting('pinned_partition') if matched_ids.is_own_source(relation, 'records') else none) }}
{%- endmacro %}
