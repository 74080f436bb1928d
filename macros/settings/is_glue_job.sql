{#- Whether the models are built inside a Glue job, by this project's own profile; another's target may be called so, too. -#}
{% macro is_glue_job() -%}
    {{ return((target.profile_name, target.name) == ('matched_ids', 'glue_job')) }}
{%- endmacro %}
